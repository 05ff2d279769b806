import { SaddlebagError } from '../../src/core/errors.ts';
import { fieldsOf, listOf, textOf } from '../job/job-check/fields.ts';
import type { Nomad } from './nomad.ts';
import { type NomadRequest, type openNomadHttp, readAnswer } from './nomad-http.ts';

/** The calls that ask of which versions the agents are. That only serves to warn: what may not be read is not missed. */
export function agentCalls(
  send: ReturnType<typeof openNomadHttp>['send'],
): Pick<Nomad, 'readVersion' | 'readClientVersions'> {
  const ask = async <T>(call: NomadRequest, reader: (value: unknown) => T, unknown: T): Promise<T> => {
    try {
      const { isFound, text } = await send(call);
      return isFound ? readAnswer(text, call.action, reader) : unknown;
    } catch (cause) {
      if (cause instanceof SaddlebagError && cause.code === 'nomad-forbidden') return unknown;
      throw cause;
    }
  };
  return {
    readVersion: () =>
      ask(
        { method: 'GET', path: '/agent/self', action: 'read the version of Nomad' },
        readAgentVersion,
        null,
      ),
    readClientVersions: () =>
      ask({ method: 'GET', path: '/nodes', action: 'list the nodes' }, readReadyVersions, []),
  };
}

function readAgentVersion(value: unknown): string | null {
  const version = textOf(fieldsOf(fieldsOf(fieldsOf(value).config).Version).Version);
  return version === '' ? null : version;
}

function readReadyVersions(value: unknown): string[] {
  const ready = listOf(value).filter(({ Status }) => Status === 'ready');
  return [...new Set(ready.map(({ Version }) => textOf(Version)))].filter((version) => version !== '').sort();
}
