import { describe, expect, it } from 'vitest';
import { parseJobFile } from '../../../deploy/job-file/job-file.ts';
import { renderJobFile } from '../../../deploy/job-file/render.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { readHclValues } from '../../../src/core/hcl/values.ts';
import { randomFrom } from '../../helpers/random.ts';
import { sampleArtifact } from '../sample.ts';

const artifact = sampleArtifact();

/** Writes a job with one task, in one of the ways in which people write artifacts and commands. */
function randomJob(random: (below: number) => number): string {
  const pick = (...texts: string[]) => texts[random(texts.length)] ?? '';
  const between = () => pick('', '\n', '  # c\n', '  // c }\n', '\n\n', '/* { */\n');
  const source = () =>
    pick(
      'source = "http://x/app"\n',
      'source="s3::https://y/site.tar.gz"\n',
      'source = "$' + '{var.a}/b"\n',
      'source = <<E\nhttp://z/q\nE\n',
    );
  const destination = () =>
    pick(
      '',
      'destination = "local/app"\n',
      'destination = "local/"\n',
      'destination = "$' + '{NOMAD_TASK_DIR}/app" # d\n',
    );
  const options = () =>
    pick(
      '',
      'options {\n checksum = "md5:1"\n}\n',
      'options { archive = "tar" }\n',
      'options {}\n',
      'options {\n  region = "x" # r\n  aws_access_key_id = <<E\nk\nE\n}\n',
    );
  const artifactBlock = () =>
    `artifact {${pick('\n', '# h\n')}${source()}${pick('', 'mode = "file"\n', 'mode="dir"\n', 'mode = var.m\n')}${between()}${destination()}${options()}${pick('', 'headers {\n a = "b"\n}\n', 'insecure = true /* x */\n')}}${pick('\n', ' # tail\n')}`;
  const config = () =>
    pick(
      '',
      'config {\n command = "local/app"\n}\n',
      'config { command = "app" }\n',
      'config {}\n',
      'config {\n args = [\n "a",\n]\n}\n',
      'config {\n  command = "/bin/sh"\n}\n',
      'config { args = ["x"] }\n',
    );
  const parts = Array.from({ length: random(3) }, artifactBlock);
  parts.splice(random(parts.length + 1), 0, config());
  parts.splice(random(parts.length + 1), 0, pick('env {\n A = "1"\n}\n', 'resources { cpu = 1 }\n', ''));
  const task = `task "t" {\ndriver = "exec"\n${between()}${parts.join(between())}${between()}}\n`;
  const text = `variable "a" {}\njob "j" {\n${pick(task, `group "g" {\n${task}}\n`)}}\n`;
  return random(3) === 0 ? text.replaceAll('\n', '\r\n') : text;
}

describe('500 jobs of every shape', () => {
  it('get the artifact once and for all, and lose no line', async () => {
    const random = randomFrom(7).below;
    for (let index = 0; index < 500; index++) {
      const text = randomJob(random);
      const set = async (before: string) =>
        (await renderJobFile(parseJobFile('j', before), [{ artifact, task: undefined }])).text;
      try {
        const after = await set(text);
        expect(await readHclValues(after), text).not.toBeNull();
        expect(await set(after), text).toBe(after);
        const untouched = /^\s*(?:#|\/\/|\/\*|region|headers|insecure|env|resources)|# tail/;
        const lines = after.split('\n');
        for (const line of text.split('\n').filter((one) => untouched.test(one))) {
          expect(lines, text).toContain(line);
        }
      } catch (cause) {
        if (!(cause instanceof SaddlebagError)) throw cause;
        expect(cause.message, text).toMatch(/another artifact of task (?:g\/)?t lands at local\/web$/);
      }
    }
  });
});
