import { type BlockSchema, configSchema, type KeySchema } from '../src/config/schema.ts';

const introduction = `# saddlebag.hcl

Made by \`npm run docs\` from \`src/config/schema.ts\`, which also checks the file.

One file says what a project's apps are, where their bundles go and how they run, and \`saddlebag up\` makes it so. It lies
in the root of the project; commands look for it from the working directory up to the root of the repository.
\`saddlebag init\` writes a first one, \`saddlebag config\` prints what is in force and where each value comes from.

\`\`\`hcl
store "main" {
  to           = "s3://bundles/apps"
  endpoint     = "http://minio.example.org:9000"
}

app "web" {
  bundle { source = ".#web" }

  deploy {
    count      = 2
    memory     = 256
    check_path = "/health"
    port "http" {}
    env    = { LOG = "info", HOST = "\${NOMAD_IP_http}" }
    secret = { DATABASE_PASSWORD = "nomad/jobs/web:password" }
  }

  environment "prod" {
    confirm = true
    deploy {
      count = 4
      update { canary = 1 }
    }
  }
}
\`\`\`

- **What wins**: a flag, then the environment's variable, then the file, then the default. In the file, \`environment\`
  over the rest: blocks and maps key by key, lists as a whole.
- **Values are values**: text in quotes, numbers, \`true\` and \`false\`, lists, maps. There are no variables and no
  functions. What Nomad fills in (\`\${NOMAD_PORT_http}\`, \`\${attr.…}\`, \`\${node.…}\`, \`\${meta.…}\`) passes through;
  \`$\${\` is a plain \`\${\`.
- **Secrets** do not stand in the file: a variable in \`env\` that is called like one (\`PASSWORD\`, \`TOKEN\`, \`SECRET\`,
  \`KEY\`, …) is refused. \`secret = { NAME = "path:key" }\` takes it from a Nomad variable when the task starts.
- **Where it is found**: in the working directory or above it, up to the root of the repository. One of another user's, in a
  directory that everybody may write to (\`/tmp\`), is refused unless \`--config\` names it.
- **Mistakes** are told all at once, each with its line: \`saddlebag.hcl:12: app.web.deploy.memory: expected …\`.
`;

/** Renders docs/config.md from the schema. */
export function renderConfigPage(): string {
  return [introduction, ...renderBlocks(configSchema.blocks, [])].join('\n');
}

function renderBlocks(blocks: BlockSchema['blocks'], path: readonly string[]): string[] {
  return Object.entries(blocks).flatMap(([type, schema]) => {
    // The same blocks as in the app, with the same keys.
    const isRepeated = path.at(-1) === 'environment';
    return isRepeated ? [] : renderBlock(type, schema, path);
  });
}

function renderBlock(type: string, schema: BlockSchema, path: readonly string[]): string[] {
  const label = schema.label === undefined ? '' : ` "${schema.label}"`;
  const place = path.length === 0 ? '' : `, in \`${path.join('`, `')}\``;
  const inner = Object.keys(schema.blocks);
  return [
    `## \`${type}${label} { … }\`${place}`,
    '',
    schema.about,
    '',
    ...(inner.length === 0 ? [] : [`Holds the blocks ${inner.map((each) => `\`${each}\``).join(', ')}.`, '']),
    ...renderKeys(schema.keys),
    ...renderBlocks(schema.blocks, [...path, type]),
  ];
}

function renderKeys(keys: BlockSchema['keys']): string[] {
  const rows = Object.entries(keys).map(
    ([name, key]) => `| \`${name}\` | ${kindOf(key)} | ${aboutOf(key)} |`,
  );
  return rows.length === 0 ? [] : ['| key | holds | says |', '| --- | --- | --- |', ...rows, ''];
}

function kindOf({ kind, choices }: KeySchema): string {
  if (choices !== undefined) return choices.map((choice) => `\`"${choice}"\``).join(', ');
  const kinds = { text: 'text', number: 'whole number', flag: 'true or false', texts: 'list', map: 'map' };
  return kinds[kind];
}

function aboutOf({ about, required, environment, byDefault, otherwise }: KeySchema): string {
  const notes = [
    ...(required === true ? ['required'] : []),
    ...(environment === undefined ? [] : [`before it \`${environment.join('`, `')}\``]),
    ...(byDefault === undefined ? [] : [`default \`${byDefault}\``]),
    ...(otherwise === undefined ? [] : [`default: ${otherwise}`]),
  ];
  return notes.length === 0 ? about : `${about} (${notes.join('; ')})`;
}
