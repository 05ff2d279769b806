import type { EnvPolicy } from '../../src/core/types.ts';

/**
 * What is needed besides libraries, where nothing in a file tells. In all globs `{prefix}` stands for the directory above
 * the program's `bin`, `{1}` for the first group of the pattern.
 */
export interface NeededFiles {
  /** Globs of files and directories; those that are not there are not needed. */
  readonly paths: readonly string[];
  /** Globs of what it looks for at that very path: it appears there where the host has nothing. */
  readonly fixed?: readonly string[];
  /** Globs of what lies among them and is of no use to the program. */
  readonly without?: readonly string[];
  /** Variables that tell the program where `paths` are in the store path; globs of such, joined by colons. */
  readonly env?: readonly RecipeVariable[];
}

/** What a program needs. */
export interface Recipe extends NeededFiles {
  /** Matches the end of the program's real path. */
  readonly program: RegExp;
  /** Set for a program that looks for its files from argv[0], which otherwise is as the bundle was called. */
  readonly findsItselfByName?: true;
  /** Programs that it can't do without and starts by these paths. */
  readonly helpers?: readonly string[];
}

/** A variable of a recipe. */
export interface RecipeVariable {
  readonly name: string;
  readonly policy: EnvPolicy;
  readonly paths: readonly string[];
}

/**
 * The programs that need one. A program needs none that is complete with its libraries, or finds its files from where
 * it lies by /proc/self/exe and has them all in its own directory; what is found at absolute paths only, and has no
 * variable, comes by a bind. Of /etc only what packages ship is here, never what makes a machine's own configuration:
 * that is for --include. Tried on Debian 12.
 */
export const recipes: readonly Recipe[] = [
  {
    program: /\/s?bin\/python(3\.\d+)/,
    paths: ['{prefix}/lib/python{1}', '{prefix}/lib/python3/dist-packages', '{prefix}/lib64/python{1}'],
    // What extensions are built with, what only macOS has, and the tests of the standard library.
    without: [
      '{prefix}/lib/python{1}/config-*',
      '{prefix}/lib/python{1}/ctypes/macholib/fetch_macholib*',
      '{prefix}/lib/python{1}/test',
    ],
    findsItselfByName: true,
  },
  {
    // Its own directories come first in @INC, so that those of another Perl on the host don't.
    program: /\/bin\/perl[\d.]*/,
    paths: perlPaths(),
    env: [{ name: 'PERL5LIB', policy: 'prepend', paths: perlPaths() }],
  },
  {
    program: /\/bin\/ruby(\d\.\d+)/,
    paths: [
      '{prefix}/lib/ruby/{1}.0',
      '{prefix}/lib/ruby/vendor_ruby',
      '{prefix}/lib/ruby/gems/{1}.0',
      '{prefix}/lib/*-linux-gnu/ruby/{1}.0',
      '{prefix}/lib/*-linux-gnu/ruby/vendor_ruby/{1}.0',
      '{prefix}/share/rubygems-integration',
    ],
    env: [
      {
        name: 'RUBYLIB',
        policy: 'prepend',
        paths: [
          '{prefix}/lib/ruby/vendor_ruby/{1}.0',
          '{prefix}/lib/*-linux-gnu/ruby/vendor_ruby/{1}.0',
          '{prefix}/lib/ruby/vendor_ruby',
          '{prefix}/lib/ruby/{1}.0',
          '{prefix}/lib/*-linux-gnu/ruby/{1}.0',
        ],
      },
      {
        name: 'GEM_PATH',
        policy: 'prepend',
        paths: [
          '{prefix}/lib/ruby/gems/{1}.0',
          '{prefix}/share/rubygems-integration/all',
          '{prefix}/share/rubygems-integration/{1}.0',
        ],
      },
    ],
  },
  // Debian's Node reads some of its own modules from there, by paths that it was built with.
  {
    program: /\/bin\/node(?:js)?/,
    paths: [],
    fixed: ['/usr/share/nodejs/{acorn,acorn-walk,cjs-module-lexer,undici}'],
  },
  {
    program: /\/s?bin\/nginx/,
    paths: [],
    fixed: [
      '/etc/nginx/mime.types',
      '/etc/nginx/*_params',
      '/etc/nginx/fastcgi.conf',
      '/usr/lib/nginx/modules',
    ],
  },
  { program: /\/s?bin\/apache2/, paths: [], fixed: ['/usr/lib/apache2/modules', '/etc/mime.types'] },
  {
    // The directory of extensions is named after the version of their interface.
    program: /\/bin\/php(\d\.\d)/,
    paths: [],
    fixed: [
      '/usr/lib/php/2*',
      '/usr/share/php',
      '/etc/php/{1}/mods-available',
      '/etc/php/{1}/cli/conf.d',
      '/usr/share/zoneinfo',
    ],
  },
  // Java finds its home by /proc/self/exe.
  {
    program: /(\/.*)\/bin\/(?:java|javac|jar|keytool|jshell)/,
    paths: ['{1}'],
    without: ['{1}/jmods', '{1}/lib/src.zip', '{1}/include', '{1}/man', '{1}/docs'],
  },
  {
    program: /\/bin\/git/,
    paths: ['{prefix}/lib/git-core', '{prefix}/libexec/git-core', '{prefix}/share/git-core/templates'],
    env: [
      {
        name: 'GIT_EXEC_PATH',
        policy: 'where-unset',
        paths: ['{prefix}/lib/git-core', '{prefix}/libexec/git-core'],
      },
      { name: 'GIT_TEMPLATE_DIR', policy: 'where-unset', paths: ['{prefix}/share/git-core/templates'] },
    ],
  },
  {
    // The server finds share and lib relative to its bin; Debian's has no time zones of its own.
    program: /(\/.*)\/lib\/postgresql\/(\d+)\/bin\/(?:postgres|initdb|pg_(?:ctl|rewind|resetwal|upgrade))/,
    fixed: ['/usr/share/zoneinfo'],
    paths: ['{1}/lib/postgresql/{2}', '{1}/share/postgresql/{2}'],
    findsItselfByName: true,
    // initdb and pg_ctl run the server through it.
    helpers: ['/bin/sh'],
  },
  {
    program: /\/bin\/vim[.\w]*/,
    paths: ['{prefix}/share/vim/vim[0-9]*'],
    env: [{ name: 'VIMRUNTIME', policy: 'where-unset', paths: ['{prefix}/share/vim/vim[0-9]*'] }],
  },
  {
    program: /\/bin\/(?:convert|identify|mogrify|montage|composite|compare|magick|stream|import)[-.\w]*/,
    paths: ['{prefix}/lib/*-linux-gnu/ImageMagick-*', '{prefix}/share/ImageMagick-*', '/etc/ImageMagick-*'],
    env: [
      {
        name: 'MAGICK_CONFIGURE_PATH',
        policy: 'where-unset',
        paths: [
          '/etc/ImageMagick-*',
          '{prefix}/lib/*-linux-gnu/ImageMagick-*/config-*',
          '{prefix}/share/ImageMagick-*',
        ],
      },
      {
        name: 'MAGICK_CODER_MODULE_PATH',
        policy: 'where-unset',
        paths: ['{prefix}/lib/*-linux-gnu/ImageMagick-*/modules-*/coders'],
      },
      {
        name: 'MAGICK_CODER_FILTER_PATH',
        policy: 'where-unset',
        paths: ['{prefix}/lib/*-linux-gnu/ImageMagick-*/modules-*/filters'],
      },
    ],
  },
  {
    program: /\/bin\/pandoc/,
    paths: ['{prefix}/share/pandoc'],
    env: [{ name: 'pandoc_datadir', policy: 'where-unset', paths: ['{prefix}/share/pandoc'] }],
  },
];

function perlPaths(): string[] {
  return [
    '/etc/perl',
    '{prefix}/local/lib/*-linux-gnu/perl/5.*.*',
    '{prefix}/local/share/perl/5.*.*',
    '{prefix}/lib/*-linux-gnu/perl5/5.*',
    '{prefix}/share/perl5',
    '{prefix}/lib/*-linux-gnu/perl-base',
    '{prefix}/lib/*-linux-gnu/perl/5.*.*',
    '{prefix}/share/perl/5.*.*',
  ];
}
