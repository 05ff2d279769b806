import type { AppName } from '../naming.ts';
import type { SourceClosure } from '../program-closure.ts';

/** What a user asks of a project beside its place. */
export interface ProjectRequest {
  /** The program to start; by default what the project itself names. */
  readonly entrypoint?: string;
  readonly name?: string;
  readonly appVersion?: string;
  /** Path, name or version of the interpreter; null for the one on PATH. */
  readonly interpreter: string | null;
}

/** The closure of a project, which names itself. */
export type ProjectClosure = SourceClosure & { readonly appName: AppName };
