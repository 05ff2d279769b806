import type { TextForm } from './reader.ts';

// Source: Nomad, job specification. A "/" makes a job's id unusable as a group's name, which is why they differ.

/** Id of a job. */
export const jobIdForm: TextForm = {
  pattern: /^[^\s\0$%"\\\p{Cc}]{1,128}$/u,
  expected: 'text without blanks, $ and % (at most 128)',
};

/** Name of a group, a task, a volume: part of a directory's name. */
export const nameForm: TextForm = {
  pattern: /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/,
  expected: 'letters, digits and any of . _ - (at most 128)',
};

/** Name of a namespace. */
export const namespaceForm: TextForm = {
  pattern: /^[0-9A-Za-z-]{1,128}$/,
  expected: 'letters, digits and -',
};

/** Name of a region or a node pool. */
export const placeForm: TextForm = { ...nameForm, expected: 'letters, digits and any of . _ -' };

/** Name of a datacenter, or a pattern of names. */
export const datacenterForm: TextForm = {
  pattern: /^[0-9A-Za-z*?._-]{1,128}$/,
  expected: 'a name, or a pattern with *',
};

/** User of the client's machine that a task runs as. */
export const userForm: TextForm = {
  pattern: /^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$/,
  expected: 'the name or number of a user',
};

/** Name of a signal. */
export const signalForm: TextForm = { pattern: /^SIG[A-Z0-9]{2,10}$/, expected: 'a name like SIGTERM' };

/** Label of a port: part of a variable's name, `NOMAD_PORT_<label>`. */
export const portLabelForm: TextForm = {
  pattern: /^[A-Za-z_][0-9A-Za-z_]{0,62}$/,
  expected: 'letters, digits and _ as the label of a port',
};

/** Source: RFC 1123, which Nomad demands of services. */
export const serviceNameForm: TextForm = {
  pattern: /^(?!-)[0-9A-Za-z-]{1,63}(?<!-)$/,
  expected: 'letters, digits and - (at most 63)',
};

/** Path of one of Nomad's variables. */
export const variablePathForm: TextForm = {
  pattern: /^[0-9A-Za-z_~-]+(?:\/[0-9A-Za-z_~-]+)*$/,
  expected: 'the path of a Nomad variable, like nomad/jobs/web',
};

/** Path of a URL. */
export const urlPathForm: TextForm = { pattern: /^\/[^\s\p{Cc}]*$/u, expected: 'a path that begins with /' };

/** A path in the root of a task. */
export const absolutePathForm: TextForm = {
  pattern: /^(?!.*\/\.\.?(?:\/|$))\/[^\p{Cc}]*$/u,
  expected: 'an absolute path',
};

/** Name of an environment variable that a template can set. */
export const variableForm: TextForm = {
  pattern: /^[A-Za-z_][0-9A-Za-z_]*$/,
  expected: 'letters, digits and _ as the name of a variable',
};

/**
 * Keeps what is safe in a file name, a group's and a task's: nothing that a shell, HCL or Nomad reads otherwise.
 */
export function plainName(text: string, fallback: string): string {
  const plain = text
    .replace(/[^0-9A-Za-z._-]+/g, '-')
    .replace(/^[^0-9A-Za-z]+/, '')
    .slice(0, 100);
  return plain === '' ? fallback : plain;
}

/** Makes a name that `serviceNameForm` takes. */
export function plainServiceName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^0-9a-z]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'app' : name;
}
