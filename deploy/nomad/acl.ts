/** A right that a call of the API needs. Source: Nomad, HTTP API, "ACL Required" of each call; tried on Nomad 2.0.5. */
export interface Right {
  /** Of a namespace, as every version since 1.6 knows it; or a whole rule of another kind. */
  readonly capability: string;
  /** The part of `submit-job` that is enough since Nomad 1.11.2. */
  readonly since1112?: string;
}

/** The capabilities of a namespace that all commands need together. */
const capabilities = ['list-jobs', 'read-job', 'read-logs', 'submit-job'] as const;

/** What `submit-job` is replaced by where less should be given; in the order in which a deploy comes to need them. */
const partsOfSubmit = [
  'parse-job',
  'plan-job',
  'register-job',
  'fail-deployment',
  'promote-deployment',
  'revert-job',
  'tag-job-version',
  'deregister-job',
  'purge-job',
] as const;

const submit = (since1112: (typeof partsOfSubmit)[number]): Right => ({
  capability: 'submit-job',
  since1112,
});

const rights: readonly (readonly [method: string, path: RegExp, right: Right])[] = [
  ['POST', /^\/jobs\/parse$/, submit('parse-job')],
  ['POST', /^\/(?:validate\/job|job\/[^/]+\/plan)$/, submit('plan-job')],
  ['POST', /^\/jobs$/, submit('register-job')],
  ['POST', /^\/deployment\/fail\//, submit('fail-deployment')],
  ['POST', /^\/deployment\/promote\//, submit('promote-deployment')],
  ['POST', /^\/job\/[^/]+\/revert$/, submit('revert-job')],
  ['POST', /^\/job\/[^/]+\/evaluate$/, { capability: 'submit-job' }],
  ['POST', /^\/job\/[^/]+\/versions\/[^/]+\/tag$/, submit('tag-job-version')],
  ['DELETE', /^\/job\/[^/]+\/versions\/[^/]+\/tag$/, submit('tag-job-version')],
  ['DELETE', /^\/job\//, submit('deregister-job')],
  ['GET', /^\/client\/fs\/logs\//, { capability: 'read-logs' }],
  ['GET', /^\/jobs$/, { capability: 'list-jobs' }],
  ['GET', /^\/vars$/, { capability: 'a rule for variables' }],
  ['GET', /^\/nodes$/, { capability: 'node { policy = "read" }' }],
  ['GET', /^\/agent\//, { capability: 'agent { policy = "read" }' }],
  ['GET', /^\/namespace\//, { capability: 'any capability' }],
  ['GET', /^/, { capability: 'read-job' }],
];

/** Returns the right that a call needs; `path` is below `/v1`. */
export function rightOf({ method, path }: { readonly method: string; readonly path: string }): Right {
  const found = rights.find(([verb, pattern]) => verb === method && pattern.test(path));
  return found?.[2] ?? { capability: 'submit-job' };
}

/** Writes the policy of a token that every command works with, in Nomad's HCL. */
export function renderPolicy(namespace: string): string {
  return [
    '# For all that saddlebag does with the jobs of a namespace.',
    `# nomad acl policy apply saddlebag-deploy FILE`,
    `namespace ${JSON.stringify(namespace)} {`,
    `  capabilities = [${capabilities.map((name) => `"${name}"`).join(', ')}]`,
    '}',
    '',
    '# Nomad 1.11.2 and newer can give less than submit-job:',
    ...partsOfSubmit.map((name) => `#   "${name}"${reasons[name] === undefined ? '' : `, ${reasons[name]}`}`),
  ].join('\n');
}

const reasons: Readonly<Record<string, string>> = {
  'parse-job': 'with --job-file',
  'fail-deployment': 'to fail a deployment early; without it, Nomad fails it at its deadline',
  'promote-deployment': 'for --promote and saddlebag promote',
  'revert-job': 'for saddlebag rollback',
  'tag-job-version': 'to note who deployed what; without it, nothing is noted',
  'deregister-job': 'for saddlebag stop, and to start a version anew that failed',
  'purge-job': 'for saddlebag stop --purge',
};

/** Says what to do about a right that a caller had not. */
export function explainRight(
  { hasToken, namespace }: { readonly hasToken: boolean; readonly namespace: string | null },
  { capability, since1112 }: Right,
): string {
  const who = hasToken ? 'the token of NOMAD_TOKEN lacks' : 'set NOMAD_TOKEN to a token that has';
  const or = since1112 === undefined ? '' : ` (or ${since1112}, from Nomad 1.11.2 on)`;
  // Nomad has the same two words for a token that it does not know.
  const orExpired = hasToken ? ', or has expired' : '';
  return `${who} ${capability}${or} in namespace ${namespace ?? 'default'}${orExpired}; saddlebag deploy --print-acl prints a policy`;
}
