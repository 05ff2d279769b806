/** How a program is run. */
export interface ExecOptions {
  readonly cwd?: string;
  /** Replaces the environment altogether when given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** User and group to run as; only the superuser may choose. */
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** What the program reads on stdin; nothing otherwise. */
  readonly input?: string;
  /** Called with each line of stderr as it comes; the lines are kept in `stderr` all the same. */
  readonly onStderrLine?: (line: string) => void;
}

/** How a program ended, and what it wrote. */
export interface ExecResult {
  /** Undefined when the program could not be started or died of a signal. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not end by itself: `ENOENT`, `SIGKILL`, `timed out`; undefined when it did. */
  readonly failure: string | undefined;
}

/**
 * Runs a program to its end and returns how it ended; it never throws for the program's own failure.
 * The argument vector is passed as it is, no shell is involved.
 */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/**
 * Runs real child processes; the only use of execa.
 */
export const execProcess: Exec = async (file, args, options = {}) => {
  // Loaded when first used: it takes longer than all else that `--help` loads.
  const { execa } = await import('execa');
  const child = execa(file, [...args], {
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: definedOnly(options.env), extendEnv: false }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
  });
  const onStderrLine = options.onStderrLine;
  if (onStderrLine !== undefined) {
    for await (const line of child.iterable({ from: 'stderr' })) onStderrLine(line);
  }
  const result = await child;
  return {
    exitCode: result.exitCode,
    stdout: result.stdout,
    stderr: result.stderr,
    failure: describeFailure(result),
  };
};

function describeFailure(result: {
  readonly timedOut: boolean;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
}): string | undefined {
  if (result.timedOut) return 'timed out';
  if (result.signal !== undefined) return result.signal;
  return result.exitCode === undefined ? (result.code ?? 'could not be started') : undefined;
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
