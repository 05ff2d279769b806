/** What a key holds: one text, a whole number, true or false, a list of texts, texts by name. */
export type KeyKind = 'text' | 'number' | 'flag' | 'texts' | 'map';

/** One key of a block. */
export interface KeySchema {
  readonly kind: KeyKind;
  /** For docs/config.md: a sentence without a full stop. */
  readonly about: string;
  readonly required?: true;
  /** The only values that it may have. */
  readonly choices?: readonly string[];
  /** Variables of the environment that go before the file; the first that is set counts. */
  readonly environment?: readonly string[];
  /** What holds where nothing is said. */
  readonly byDefault?: string | boolean;
  /** The same in words, where it is no fixed value. */
  readonly otherwise?: string;
}

/** One kind of block. */
export interface BlockSchema {
  readonly about: string;
  /** What its label is called; undefined for a block without one, which comes once. */
  readonly label?: string;
  readonly keys: Readonly<Record<string, KeySchema>>;
  readonly blocks: Readonly<Record<string, BlockSchema>>;
  /** True where further keys are those of a Nomad job, which `deploy/` checks. */
  readonly isJob?: true;
}

const store: BlockSchema = {
  about: 'Where bundles are published. With one store an app need not name it.',
  label: 'NAME',
  keys: {
    to: { kind: 'text', required: true, about: '`s3://BUCKET/PREFIX`, or a folder' },
    endpoint: {
      kind: 'text',
      about: 'URL of an S3 server other than AWS, such as MinIO',
      environment: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
    },
    region: {
      kind: 'text',
      about: 'region of the bucket',
      environment: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    },
    path_style: { kind: 'flag', about: 'put the bucket into the path (`true`) or the host name (`false`)' },
    ca_file: { kind: 'text', about: 'certificates to trust besides the usual ones' },
    sse: {
      kind: 'text',
      choices: ['AES256', 'aws:kms', 'aws:kms:dsse'],
      about: 'encryption at rest',
      otherwise: "the bucket's",
    },
    sse_kms_key_id: { kind: 'text', about: 'key for `sse = "aws:kms"`' },
    storage_class: { kind: 'text', about: 'such as `STANDARD_IA`', otherwise: "the bucket's" },
    object_lock: { kind: 'text', about: 'let nobody remove bundles: `governance:30d`, `compliance:1w`' },
    labels: { kind: 'map', about: 'kept with each release' },
    sign_key: {
      kind: 'text',
      about:
        'file of a secret key of minisign that signs bundles; its password is in `SADDLEBAG_SIGN_PASSWORD`',
    },
    public_key: {
      kind: 'text',
      about: 'key of minisign, or its file: only what is signed with it is deployed',
      environment: ['SADDLEBAG_PUBLIC_KEY'],
    },
    download_url: {
      kind: 'text',
      about:
        'what Nomad clients fetch from, where it differs: stands for scheme, host and bucket, or for the folder',
    },
  },
  blocks: {},
};

const bundle: BlockSchema = {
  about: 'What is packed: the arguments of `saddlebag bundle`. Paths are relative to the file.',
  keys: {
    source: {
      kind: 'text',
      about:
        'a Nix build or what Nix can build, a project, a program, a directory, an image: as `saddlebag bundle` takes it',
      byDefault: '.',
    },
    entrypoint: { kind: 'text', about: 'program inside the store path, directory or project' },
    name: { kind: 'text', about: 'name of the bundle', otherwise: 'name of the app' },
    version: { kind: 'text', about: 'version of the app', otherwise: 'from the store path or project' },
    compress: {
      kind: 'text',
      choices: ['fast', 'balanced', 'small'],
      about: 'how hard to compress',
      byDefault: 'balanced',
    },
    python: {
      kind: 'text',
      about: 'read it as a Python project by this Python: a path, a version, or `auto`',
    },
    node: { kind: 'text', about: 'read it as a Node project by this Node: a path, or `auto`' },
    file: { kind: 'text', about: 'Nix file to build from' },
    attr: { kind: 'text', about: 'attribute to build of a Nix file' },
    include: { kind: 'texts', about: 'programs, files, directories or libraries that come along' },
    with: {
      kind: 'texts',
      about: 'data that programs name: `ca-certificates`, `locales`, `nss`, `shell`, `tzdata`, …',
    },
    without: { kind: 'texts', about: 'data that is left out: `ca-certificates`, `locales`' },
    exclude: { kind: 'texts', about: 'globs of files that are left out' },
    allow: { kind: 'texts', about: 'checks whose findings are passed over' },
    programs: {
      kind: 'texts',
      about: 'further programs, `name` or `name=path`: a process starts one by `program`',
    },
    all_programs: { kind: 'flag', about: 'the same for each program in `bin` of the app' },
    args: { kind: 'texts', about: 'arguments before those of the process' },
    env: { kind: 'map', about: 'variables that are set where the environment has none' },
    workdir: { kind: 'text', about: 'directory that the app starts in' },
    init: { kind: 'flag', about: 'run the app under a small init where it is PID 1' },
  },
  blocks: {},
};

const deploy: BlockSchema = {
  about:
    "How the app runs: the keys below, and in Nomad's own words all that [job-settings.md](job-settings.md) lists.",
  isJob: true,
  keys: {
    address: {
      kind: 'text',
      about: 'of the Nomad agent',
      environment: ['NOMAD_ADDR'],
      byDefault: 'http://127.0.0.1:4646',
    },
    namespace: { kind: 'text', about: 'of the job', environment: ['NOMAD_NAMESPACE'] },
    region: { kind: 'text', about: 'of the job', environment: ['NOMAD_REGION'] },
    timeout: {
      kind: 'text',
      about: 'how long to wait for a healthy version',
      otherwise: 'a minute longer than Nomad itself could take',
    },
  },
  blocks: {},
};

const process: BlockSchema = {
  about:
    'One kind of process of the app: a group of the job with the settings of `deploy`, over which those of this block are laid. Without such a block there is one process, named as the app.',
  label: 'NAME',
  isJob: true,
  keys: {
    run: {
      kind: 'text',
      choices: ['service', 'before'],
      about: '`before` runs it to its end before the others start: a migration',
      byDefault: 'service',
    },
    program: {
      kind: 'text',
      about: 'which of the programs of the bundle it starts',
      otherwise: 'its entrypoint',
    },
  },
  blocks: {},
};

const environment: BlockSchema = {
  about: 'What is different with `-e NAME`, laid over the rest of the app.',
  label: 'NAME',
  keys: {
    store: { kind: 'text', about: 'name of the store' },
    confirm: {
      kind: 'flag',
      about: 'ask before anything is changed; where nobody can be asked, `--yes` is needed',
      byDefault: false,
    },
    job_file: { kind: 'text', about: 'a job file of your own' },
    vars: { kind: 'map', about: 'values of variables of `job_file`' },
  },
  blocks: { deploy, process },
};

const app: BlockSchema = {
  about: 'An app: one bundle, one Nomad job.',
  label: 'NAME',
  keys: {
    store: { kind: 'text', about: 'name of the store', otherwise: 'the only one' },
    job_file: {
      kind: 'text',
      about:
        'a Nomad job file of your own, into which the artifact is put, as with `deploy --job-file`; of `deploy` then only `address`, `namespace`, `region` and `timeout` hold',
    },
    vars: { kind: 'map', about: 'values of variables of `job_file`' },
    not_secret: {
      kind: 'texts',
      about: 'variables that may stand in `env` although they are called like secrets',
    },
  },
  blocks: { bundle, deploy, process, environment },
};

/** All that a saddlebag.hcl may say; docs/config.md is made of it. */
export const configSchema: BlockSchema = {
  about: '',
  keys: {},
  blocks: { store, app },
};
