import { type ReferenceNames, referenceProblem } from '../runtime-reference.ts';
import { destinationProblem, isNoexec } from '../settings/task-directory.ts';
import { type Fields, fieldsOf, isSet, listOf, textOf } from './fields.ts';
import type { Finding } from './finding.ts';
import { isOlder } from './version.ts';

// Source: Nomad, "Isolated fork/exec driver". The server does not look into `config`; the client fails the task.
const execKeys = ['command', 'args', 'pid_mode', 'ipc_mode', 'cap_add', 'cap_drop', 'work_dir'];

/** Checks what only a client would find out of a task that the exec driver runs. */
export function checkExecTask(task: Fields, place: string, version: string | null): Finding[] {
  return [
    ...checkKeys(task, place, version),
    ...checkConfig(task, place),
    ...checkDestinations(task, place),
    ...checkUser(task, place),
  ];
}

/** A Nomad newer than those that were looked at may know more. */
function checkKeys(task: Fields, place: string, version: string | null): Finding[] {
  const mayKnowMore = version !== null && !isOlder(version, '2.1.0');
  const hint = `it knows ${execKeys.join(', ')}`;
  const problem = 'the exec driver has no such key';
  return Object.keys(fieldsOf(task.Config))
    .filter((key) => !execKeys.includes(key))
    .map((key) => {
      const at = `${place}: config.${key}`;
      if (!mayKnowMore) return error(at, problem, hint);
      return {
        kind: 'warning',
        code: 'driver-key-unknown',
        place: at,
        problem: `${problem} up to Nomad 2.0`,
        hint,
      };
    });
}

function checkConfig(task: Fields, place: string): Finding[] {
  const config = fieldsOf(task.Config);
  const at = (key: string) => `${place}: config.${key}`;
  const findings: Finding[] = [];
  if (!isSet(config.command))
    findings.push(error(at('command'), 'it is missing', 'say what runs: local/APP'));
  if (isNoexec(textOf(config.command))) {
    findings.push(error(at('command'), 'a client runs nothing in /secrets', 'download it to local/APP'));
  }
  const workDir = textOf(config.work_dir);
  if (workDir !== '' && !workDir.startsWith('/') && !workDir.startsWith(`\${`)) {
    findings.push(error(at('work_dir'), 'it is not absolute', `write /${workDir}`));
  }
  return [...findings, ...checkReferences(task, at)];
}

/** A client evaluates all of `config` as a template; what it does not know fails the task. */
function checkReferences(task: Fields, at: (key: string) => string): Finding[] {
  const names: ReferenceNames = {
    env: fieldsOf(task.Env),
    // What is in a file is known when the task starts, not before.
    mayKnowMore: listOf(task.Templates).some(({ Envvars }) => Envvars === true) || isSet(task.Secrets),
  };
  return Object.entries(fieldsOf(task.Config)).flatMap(([key, value]) => {
    const texts = Array.isArray(value) ? value : [value];
    return texts.flatMap((text, index) => {
      const problem = typeof text === 'string' ? referenceProblem(text, names) : undefined;
      const name = Array.isArray(value) ? `${key}[${index}]` : key;
      return problem === undefined ? [] : [error(at(name), problem, hclHint)];
    });
  });
}

const hclHint = `in a file of HCL $\${ is written $$\${, and %%{ is written %%%{`;

function checkDestinations(task: Fields, place: string): Finding[] {
  const artifacts = listOf(task.Artifacts).map(
    ({ RelativeDest }) => ['artifact', textOf(RelativeDest)] as const,
  );
  const templates = listOf(task.Templates).map(({ DestPath }) => ['template', textOf(DestPath)] as const);
  return [...artifacts, ...templates].flatMap(([kind, destination]) => {
    const problem = destinationProblem(destination);
    if (problem === undefined) return [];
    return [
      error(`${place}: ${kind}.destination`, `${destination}: ${problem}`, `write local/… in its place`),
    ];
  });
}

function checkUser(task: Fields, place: string): Finding[] {
  if (task.User !== 'root' && task.User !== '0') return [];
  return [
    {
      kind: 'warning',
      code: 'user-disallowed',
      place: `${place}: user`,
      problem: `clients refuse ${task.User} to the exec driver unless their operator allows it (user.denylist)`,
      hint: 'leave user out: the task runs as nobody, and may bind ports below 1024 even so',
    },
  ];
}

function error(place: string, problem: string, hint: string): Finding {
  return { kind: 'error', place, problem, hint };
}
