import { parseJobFile } from '../../../deploy/job-file/job-file.ts';
import { renderJobFile } from '../../../deploy/job-file/render.ts';
import { sampleArtifact } from '../sample.ts';

/** Puts the sample artifact into a job file, for each of the tasks or for the only one, and returns the file. */
export async function render(text: string, ...tasks: (string | undefined)[]): Promise<string> {
  const artifact = sampleArtifact();
  const artifacts = (tasks.length === 0 ? [undefined] : tasks).map((task) => ({ task, artifact }));
  return (await renderJobFile(parseJobFile('app.nomad.hcl', text), artifacts)).text;
}
