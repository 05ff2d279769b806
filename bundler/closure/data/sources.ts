import type { BindPolicy, EnvPolicy } from '../../../src/core/types.ts';
import type { DataKind } from './kinds.ts';

/** Something to copy: the first of `from` that this machine has goes to `to` in the store path. */
export interface DataFiles {
  /** Absolute; files or directories. */
  readonly from: readonly string[];
  /** In the store path. */
  readonly to: string;
}

/** How apps find it. In `value` and `source`, `{}` stands for the store path. */
export interface DataKindSource {
  readonly files: readonly DataFiles[];
  /** Text files that are the same everywhere, by their place in the store path. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly env: readonly { readonly name: string; readonly value: string; readonly policy: EnvPolicy }[];
  readonly binds: readonly {
    readonly source: string;
    readonly target: string;
    readonly policy: BindPolicy;
  }[];
  /** The package that has it on Debian, for the hint of an error. */
  readonly debianPackage: string;
}

/**
 * Where distributions keep the certificates that they trust: Debian, Fedora, openSUSE, Alpine, RHEL. Source: Go,
 * `crypto/x509/root_linux.go`.
 */
const certificateFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

/** Read by OpenSSL and curl, by git, and by the OpenSSL of nixpkgs. */
const certificateVariables = ['SSL_CERT_FILE', 'GIT_SSL_CAINFO', 'NIX_SSL_CERT_FILE'];
const certificatePlace = 'etc/ssl/certs/ca-certificates.crt';

function bindOf(source: string, target: string) {
  return { source: `{}/${source}`, target, policy: 'where-absent' as const };
}

/** Where each kind comes from, and how apps find it. The host's own data win wherever that can be said. */
export const dataSources: Readonly<Record<DataKind, DataKindSource>> = {
  'ca-certificates': {
    files: [{ from: certificateFiles, to: certificatePlace }],
    // The host's first: it may trust a private authority that this machine does not know.
    env: certificateVariables.flatMap((name) => [
      ...certificateFiles.map((value) => ({ name, value, policy: 'where-unset-if-present' as const })),
      { name, value: `{}/${certificatePlace}`, policy: 'where-unset' as const },
    ]),
    binds: [bindOf(certificatePlace, '/etc/ssl/certs/ca-certificates.crt')],
    debianPackage: 'ca-certificates',
  },
  locales: {
    files: [{ from: ['/usr/lib/locale', '/usr/share/locale-archive'], to: 'lib/locale' }],
    env: [
      { name: 'LANG', value: 'C.UTF-8', policy: 'where-unset' },
      { name: 'LOCPATH', value: '{}/lib/locale', policy: 'where-unset' },
    ],
    binds: [],
    debianPackage: 'libc-bin',
  },
  nss: {
    files: [],
    texts: {
      'etc/nsswitch.conf':
        'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
      'etc/passwd':
        'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
      'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
      'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
    },
    env: [],
    binds: ['nsswitch.conf', 'passwd', 'group', 'hosts'].map((name) => bindOf(`etc/${name}`, `/etc/${name}`)),
    debianPackage: 'base-files',
  },
  services: {
    files: [
      { from: ['/etc/services'], to: 'etc/services' },
      { from: ['/etc/protocols'], to: 'etc/protocols' },
    ],
    env: [],
    binds: ['services', 'protocols'].map((name) => bindOf(`etc/${name}`, `/etc/${name}`)),
    debianPackage: 'netbase',
  },
  shell: {
    files: [{ from: ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox.static'], to: 'bin/busybox' }],
    env: [{ name: 'PATH', value: '{}/bin', policy: 'append' }],
    binds: [],
    debianPackage: 'busybox-static',
  },
  terminfo: {
    files: [{ from: ['/lib/terminfo', '/usr/share/terminfo', '/usr/lib/terminfo'], to: 'share/terminfo' }],
    env: [
      {
        name: 'TERMINFO_DIRS',
        value: '/etc/terminfo:/lib/terminfo:/usr/share/terminfo:{}/share/terminfo',
        policy: 'where-unset',
      },
    ],
    binds: [],
    debianPackage: 'ncurses-base',
  },
  tzdata: {
    files: [{ from: ['/usr/share/zoneinfo'], to: 'share/zoneinfo' }],
    env: [
      { name: 'TZDIR', value: '/usr/share/zoneinfo', policy: 'where-unset-if-present' },
      { name: 'TZDIR', value: '{}/share/zoneinfo', policy: 'where-unset' },
    ],
    binds: [],
    debianPackage: 'tzdata',
  },
};

/** Programs that busybox answers to, as links beside it. */
export const shellPrograms: readonly string[] = [
  ...[
    'ash',
    'awk',
    'basename',
    'cat',
    'chmod',
    'chown',
    'cp',
    'cut',
    'date',
    'dd',
    'df',
    'dirname',
    'du',
    'echo',
  ],
  ...[
    'env',
    'expr',
    'false',
    'find',
    'free',
    'grep',
    'gunzip',
    'gzip',
    'head',
    'hexdump',
    'hostname',
    'id',
    'ip',
  ],
  ...[
    'kill',
    'killall',
    'less',
    'ln',
    'ls',
    'mkdir',
    'more',
    'mount',
    'mv',
    'nc',
    'netstat',
    'nslookup',
    'od',
  ],
  ...[
    'pgrep',
    'pidof',
    'ping',
    'printf',
    'ps',
    'pwd',
    'readlink',
    'realpath',
    'rm',
    'rmdir',
    'sed',
    'sh',
    'sleep',
  ],
  ...[
    'sort',
    'stat',
    'strings',
    'tail',
    'tar',
    'tee',
    'test',
    'timeout',
    'top',
    'touch',
    'tr',
    'true',
    'uname',
  ],
  ...['uniq', 'vi', 'watch', 'wc', 'wget', 'which', 'whoami', 'xargs'],
];
