import type { DeployArtifact } from '../artifact/artifact.ts';

/** An artifact, and the task it is for. */
export interface TaskArtifact {
  readonly artifact: DeployArtifact;
  /** TASK or GROUP/TASK; undefined: the only one that it can be for. */
  readonly task: string | undefined;
}
