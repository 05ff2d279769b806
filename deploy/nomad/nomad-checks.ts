import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { ApiJob } from './job-answer.ts';
import { type NomadRequest, type openNomadHttp, readAnswer } from './nomad-http.ts';
import { Shape } from './shape.ts';

/** What only asks whether something can be. */
export interface NomadChecks {
  /** @throws {SaddlebagError} `namespace-unknown` */
  checkNamespace(namespace: string): Promise<void>;
  /** @throws {SaddlebagError} `region-unknown` */
  checkRegion(region: string): Promise<void>;
  /** @throws {SaddlebagError} `job-invalid` with every reason of the server */
  validateJob(job: ApiJob): Promise<void>;
  /** Tells whether there is a variable, without reading its values. */
  hasVariable(path: string): Promise<boolean>;
}

/** Makes the calls of `NomadChecks`. */
export function checkCalls(send: ReturnType<typeof openNomadHttp>['send']): NomadChecks {
  return {
    hasVariable: async (path) => {
      const action = `look for the variable ${path}`;
      const { isFound, text } = await send({ method: 'GET', path: '/vars', query: { prefix: path }, action });
      const readPaths = (value: unknown) => Shape.list(value, (item) => item.text('Path'));
      return isFound && readAnswer(text, action, readPaths).includes(path);
    },
    checkNamespace: async (namespace) => {
      const path = `/namespace/${encodeURIComponent(namespace)}`;
      const { isFound } = await send({ method: 'GET', path, action: `read namespace ${namespace}` });
      if (isFound) return;
      throw new SaddlebagError(
        'namespace-unknown',
        `cannot use namespace ${namespace}: Nomad has none of that name`,
        {
          hint: `create it (nomad namespace apply ${namespace}), or pass another with --namespace`,
          exitCode: exitCodes.usage,
        },
      );
    },
    checkRegion: async (region) => {
      const call: NomadRequest = { method: 'GET', path: '/regions', action: 'list the regions' };
      const { text } = await send(call);
      const regions = readAnswer(text, call.action, readNames);
      if (regions.includes(region)) return;
      throw new SaddlebagError(
        'region-unknown',
        `cannot use region ${region}: Nomad knows ${regions.join(', ')}`,
        {
          hint: 'pass one of them with --region',
          exitCode: exitCodes.usage,
        },
      );
    },
    validateJob: async (job) => {
      const action = `validate job ${job.ID}`;
      const { text } = await send({ method: 'POST', path: '/validate/job', body: { Job: job }, action });
      const reasons = readAnswer(text, action, (value) => Shape.of(value).optionalText('Error'));
      if (reasons === '') return;
      throw new SaddlebagError('job-invalid', `cannot submit job ${job.ID}: ${flatten(reasons)}`);
    },
  };
}

function readNames(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** Puts the server's list of reasons (`2 errors occurred:` and a line each) on one line. */
function flatten(text: string): string {
  return text
    .replace(/^\d+ errors? occurred:/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*?\s*/, '').trim())
    .filter((line) => line !== '')
    .join('; ');
}
