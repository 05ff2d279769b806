import { join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { runTool } from '../project/tool.ts';
import type { Workplace } from '../workplace.ts';
import { installerEnvironment } from './environment.ts';

/** A package that is installed in an environment. */
export interface Distribution {
  readonly name: string;
  readonly version: string;
  /** What it asks for, with markers. */
  readonly requires: readonly string[];
  /** Name of a command → `module:function`. */
  readonly scripts: Readonly<Record<string, string>>;
}

/** An environment's packages, and where they lie. */
export interface InstalledPackages {
  /** Directory of modules, relative to the environment: `lib/python3.11/site-packages`. */
  readonly modules: string;
  readonly distributions: readonly Distribution[];
}

const listing = `
import json, os, sys, sysconfig
from importlib.metadata import distributions
modules = sysconfig.get_path('purelib')
found = [{
    'name': d.metadata['Name'],
    'version': d.version,
    'requires': list(d.requires or []),
    'scripts': {e.name: e.value.split('[')[0].strip() for e in d.entry_points if e.group == 'console_scripts'},
} for d in distributions(path=[modules])]
found.sort(key=lambda d: d['name'].lower())
print(json.dumps({'modules': os.path.relpath(modules, sys.prefix), 'distributions': found}))
`;

/**
 * Lists what is installed in a virtual environment, sorted by name.
 * @throws {SaddlebagError} `install-failed`
 */
export async function listPackages(environment: string, place: Workplace): Promise<InstalledPackages> {
  const text = await runTool(
    {
      file: join(environment, 'bin/python'),
      args: ['-I', '-c', listing],
      cwd: place.workDirectory,
      env: installerEnvironment(place),
      purpose: 'list what was installed',
    },
    place,
  );
  try {
    return JSON.parse(text) as InstalledPackages;
  } catch (cause) {
    throw new SaddlebagError('install-failed', 'cannot list what was installed: Python wrote no list', {
      cause,
    });
  }
}
