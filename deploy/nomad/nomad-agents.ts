import { SaddlebagError } from '../../src/core/errors.ts';
import { fieldsOf, listOf, textOf } from '../job/job-check/fields.ts';
import { type NomadRequest, type openNomadHttp, readAnswer } from './nomad-http.ts';

/** What tells of which versions the agents are. */
export interface NomadAgents {
  /** Of the agent that answers (`1.11.2`, `2.0.5+ent`); null where the token may not ask. */
  readVersion(): Promise<string | null>;
  /** Those of the clients that are ready, each once and in order; empty where the token may not list nodes. */
  readClientVersions(): Promise<string[]>;
}

/** The calls that ask of which versions the agents are. That only serves to warn: what may not be read is not missed. */
export function agentCalls(send: ReturnType<typeof openNomadHttp>['send']): NomadAgents {
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
