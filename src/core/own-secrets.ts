type Environment = Readonly<Record<string, string | undefined>>;

/** What Saddlebag deploys and signs with. */
const ofDeploying = ['NOMAD_TOKEN', 'NOMAD_HTTP_AUTH', 'SADDLEBAG_SIGN_PASSWORD'];

/** What it publishes with. Source: AWS CLI, "Environment variables". */
const ofPublishing = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
];

/**
 * Returns an environment for what bundling runs: one command may bundle, publish and deploy, and a build has no use for
 * what the last of them signs in with. Nix keeps the keys of AWS, for binary caches in buckets.
 */
export function withoutDeploySecrets(env: Environment): Environment {
  return without(env, ofDeploying);
}

/**
 * Returns an environment for installers: they run code of whoever wrote a dependency, which should find neither the keys
 * of the cluster nor those of the store.
 */
export function withoutOwnSecrets(env: Environment): Environment {
  return without(env, [...ofDeploying, ...ofPublishing]);
}

function without(env: Environment, names: readonly string[]): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
