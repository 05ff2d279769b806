import type { ApiJob } from '../nomad/job-answer.ts';
import { Shape } from '../nomad/shape.ts';

/** An artifact of a job: its source, and all that it says of where it comes from. */
export interface JobArtifact {
  readonly source: string;
  readonly text: string;
}

/** Lists the artifacts of all tasks of a job. @throws {ShapeError} */
export function artifactsOf(job: ApiJob): JobArtifact[] {
  return Shape.of(job, 'job')
    .list('TaskGroups', (group) =>
      group.list('Tasks', (task) =>
        task.list('Artifacts', (artifact) => {
          const source = artifact.optionalText('GetterSource');
          const options = artifact.optionalTexts('GetterOptions').map(([key, value]) => `${key}=${value}`);
          return { source, text: [source, ...options].join(' ') };
        }),
      ),
    )
    .flat(2);
}
