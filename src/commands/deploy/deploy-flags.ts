import type { JobFlags } from '../../../deploy/job/job-flags.ts';
import type { Confirm, WatchFlags } from '../nomad-session.ts';
import type { SecretFlags } from '../refuse-secrets.ts';

/** What to do with a job. */
export interface DeployOptions extends Omit<WatchFlags, 'namespace' | 'region'> {
  /** Print the job and ask no server. */
  readonly dryRun?: boolean | undefined;
  /** Show what would change, and change nothing. */
  readonly plan?: boolean | undefined;
  readonly detach?: boolean | undefined;
  /** Print the ACL policy that a token needs, and do nothing else. */
  readonly printAcl?: boolean | undefined;
  /** Start anew what failed, though some of it runs. */
  readonly force?: boolean | undefined;
  /** Refuse to change more than sources and checksums of artifacts. */
  readonly onlyArtifact?: boolean | undefined;
  /** With `plan`: tell by the exit code whether anything would change. */
  readonly exitCode?: boolean | undefined;
}

/** The flags of `saddlebag deploy`: the job's settings, and what to do with it. */
export interface DeployFlags extends JobFlags, SecretFlags, DeployOptions {
  /** Where the releases of NAME[@VERSION] are; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
  /** What the artifact must be signed with: a public key of minisign or its file; SADDLEBAG_PUBLIC_KEY otherwise. */
  readonly publicKey?: string | undefined;
  /** S3 server of `from`, other than AWS. */
  readonly endpoint?: string | undefined;
  /** A job file of the user's, in place of the settings. */
  readonly jobFile?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly var?: readonly string[] | undefined;
  readonly varFile?: readonly string[] | undefined;
  /** `TASK=ARTIFACT` each. */
  readonly artifact?: readonly string[] | undefined;
}

/** What `saddlebag deploy` is given. */
export interface DeployInput {
  /** A release (`NAME[@VERSION]`), a file, a source or `-` for stdin; undefined where flags name artifacts. */
  readonly artifact: string | undefined;
  readonly flags: DeployFlags;
  readonly readStdin: (signal: AbortSignal) => Promise<string>;
  /** Asks a person at the terminal; null where nobody is there. */
  readonly confirm?: Confirm;
}
