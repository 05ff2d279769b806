import type { StorePath } from './store-path.ts';

/**
 * The values that pass from stage to stage. All are readonly and survive JSON; sizes are bytes, digests lower-case hex.
 * What `--json` prints carries `version`, raised when a key changes its meaning.
 */

/** Names a processor as the kernel does (`uname -m`). */
export type Arch = 'x86_64' | 'aarch64';

/** Where a closure came from, and how `<app>` was read. */
export type ClosureSource = (typeof closureSources)[number];

/** All of them. */
export const closureSources = ['nix', 'program', 'directory', 'image', 'python', 'node'] as const;

/**
 * What a setting does to a variable of the caller's environment: sets it where it is unset, always, puts the value and a
 * colon before or behind what is there, removes it, or sets it where it is unset and the value is a path that exists.
 */
export type EnvPolicy = 'where-unset' | 'always' | 'prepend' | 'append' | 'unset' | 'where-unset-if-present';

/** One change of the environment. Several for one variable apply in their order. */
export interface EnvSetting {
  readonly name: string;
  /** Empty for `unset`. */
  readonly value: string;
  readonly policy: EnvPolicy;
}

/** When a bind is made: where nothing is at its target, or over what is there. */
export type BindPolicy = 'where-absent' | 'always';

/** A file or directory that appears at a fixed path while the app runs. */
export interface Bind {
  /** Absolute: below a store path of the closure, or on the host, where it may be missing. */
  readonly source: string;
  /** Absolute. */
  readonly target: string;
  readonly policy: BindPolicy;
}

/** A program by the name under which it is called (the base name of argv[0]). */
export interface NamedProgram {
  readonly name: string;
  /** Absolute, below one of the closure's store paths. */
  readonly program: string;
}

/** What an image says of how it wants to be run, beyond what starts. */
export interface ImageSettings {
  /** `name`, `uid`, `uid:gid`; null: root. */
  readonly user: string | null;
  /** `8080/tcp`, by number. */
  readonly ports: readonly string[];
  /** `SIGQUIT`, or a number; null: SIGTERM. */
  readonly stopSignal: string | null;
}

/** What a bundle starts, and with what. */
export interface Entrypoint {
  /** Absolute, below one of the closure's store paths. */
  readonly program: string;
  /** Put before the arguments that the user gives. */
  readonly args: readonly string[];
  /** Stand in for the user's arguments where there are none. */
  readonly defaultArgs: readonly string[];
  readonly env: readonly EnvSetting[];
  /** Absolute; null: the caller's. */
  readonly workingDirectory: string | null;
  /** Whether a small init runs as its parent, for programs that are deaf to signals as PID 1. */
  readonly init: boolean;
  /** Whether argv[0] is `program`, for programs that look there for their files; else it is as the caller has it. */
  readonly ownName: boolean;
  /** Base name of the interpreter that runs the program (`python3.11`), null for a program of its own. */
  readonly interpreter: string | null;
}

/**
 * One store path of a closure: the tree at `directory` (a file, where the store path is one) with `files` laid over it.
 */
export interface ClosurePath {
  readonly storePath: StorePath;
  /** Absolute; null where `files` holds all. */
  readonly directory: string | null;
  /** Path inside the store path → absolute path of the file whose content and executable bit it gets. */
  readonly files: Readonly<Record<string, string>>;
  /** Path inside the store path → target of a symbolic link that is laid over the tree as well. */
  readonly links?: Readonly<Record<string, string>>;
  /** Other store paths of the same closure, sorted; never itself. */
  readonly references: readonly StorePath[];
}

/** Files that were left out of a closure by one glob. */
export interface Exclusion {
  readonly glob: string;
  readonly files: number;
  readonly bytes: number;
}

/** What a closure, and the bundle of it, say of the app. */
export interface App {
  readonly name: string;
  readonly appVersion: string;
  readonly arch: Arch;
  readonly source: ClosureSource;
  readonly entrypoint: Entrypoint;
  /** Further programs, by the name under which the bundle is called. */
  readonly programs: readonly NamedProgram[];
  readonly binds: readonly Bind[];
  /** The store path whose tree becomes the app's `/`; null: the host's root stays. */
  readonly root: StorePath | null;
  /** Of an image; null for other sources. */
  readonly imageSettings: ImageSettings | null;
  /** What the user left out, sorted by glob. */
  readonly excluded: readonly Exclusion[];
}

/** An app and everything it needs. `paths` has dependencies before dependents and the app's own path last. */
export interface Closure extends App {
  /** True when the closure brings its own dynamic loader, so that the host's LD_* variables would harm it. */
  readonly ownLoader: boolean;
  readonly paths: readonly ClosurePath[];
}

/** One member of the tar. `path` is relative to the root, with no leading slash: `nix/store/…-app/bin/app`. */
export type Entry =
  | {
      readonly kind: 'file';
      readonly path: string;
      /** 0444 or 0555. */
      readonly mode: number;
      readonly sizeBytes: number;
      /** Absolute path of the file that holds the content. */
      readonly file: string;
    }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  /** `target` is the path of an earlier file of the same store path that has the same content and mode. */
  | { readonly kind: 'link'; readonly path: string; readonly mode: number; readonly target: string };

/** One store path inside an image. */
export interface ImagePath {
  readonly storePath: StorePath;
  readonly references: readonly StorePath[];
  readonly entries: number;
  /** Bytes on disk once extracted: the sum of its files. */
  readonly contentBytes: number;
  /** Bytes of the frames that hold it. */
  readonly compressedBytes: number;
  /** SHA-256 of its part of the tar. */
  readonly contentSha256: string;
}

/** The compressed tar and its index, as `inspect` and `--json` show it. */
export interface Image {
  /** Of the data frames. */
  readonly sizeBytes: number;
  readonly frames: number;
  /** Nominal bytes of tar in a frame. */
  readonly frameBytes: number;
  readonly tarBytes: number;
  /** Sum of the files, once extracted. */
  readonly contentBytes: number;
  /** For example `zstd 1.5.7 level 12 tuned 5d1c0a3e`: frames of one encoder and one content have the same bytes. */
  readonly encoder: string;
  readonly paths: readonly ImagePath[];
}

/** A bundle: one executable file. */
export interface Bundle extends App {
  readonly version: 2;
  /** Absolute. */
  readonly file: string;
  /** Why it needs user namespaces (or root) to start; null: it runs without, relocated. */
  readonly relocateRefusal: string | null;
  /** Whether the runtime answers to `--saddlebag-…`. */
  readonly runtimeOptions: boolean;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Of the uncompressed tar and the entrypoint's settings: equal exactly when nothing of the app changed. */
  readonly closureSha256: string;
  /** Version of the Saddlebag that wrote it. */
  readonly toolVersion: string;
  /** Where the first data frame begins, counted from 1: for `tail -c +OFFSET`. */
  readonly tailOffset: number;
  readonly image: Image;
}

/** A bundle that has been published. */
export interface Artifact {
  readonly version: 1;
  readonly name: string;
  readonly appVersion: string;
  readonly arch: Arch;
  /** The interpreter of the bundle's entrypoint, as in `Entrypoint`. */
  readonly interpreter: string | null;
  /** Whether a small init runs as the app's parent, as in `Entrypoint`. */
  readonly init: boolean;
  /** Of an image; null for other sources. */
  readonly imageSettings: ImageSettings | null;
  /** Where clients fetch it, without a query. */
  readonly url: string;
  /** What an artifact block of a Nomad job takes: `url?archive=false&checksum=sha256:…`. */
  readonly source: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  /** In go-getter's form, `sha256:<hex>`. */
  readonly checksum: string;
  readonly closureSha256: string;
  /** The text of its signature in minisign's format; absent where it is not signed. */
  readonly signature?: string;
  /** When `source`, a signed URL, stops working, in UTC; absent where it never does. */
  readonly expiresAt?: string;
}

/** An artifact as `releases.json` remembers it. */
export interface PublishedRelease {
  readonly artifact: Artifact;
  /** When it was published last, in UTC: `2026-04-01T12:00:00.000Z`. */
  readonly publishedAt: string;
  /** By whom, as their environment says; null: it does not. */
  readonly publishedBy: string | null;
  /** Of the source, as git names it, with `-dirty` where files were changed; null: not known. */
  readonly revision: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** All releases of a name in one store: its `releases.json`, and what `saddlebag releases --json` prints. */
export interface ReleaseList {
  readonly version: 1;
  readonly name: string;
  /** Grows by one with each change. */
  readonly serial: number;
  /** What was published last comes first; one entry for each artifact. */
  readonly releases: readonly PublishedRelease[];
}
