import type { RunSettings } from './closure-digest.ts';
import type { Header } from './format/header.ts';
import type { Metadata } from './format/metadata.ts';

/** Returns how a bundle runs, put together from its header and what its metadata adds. */
export function runSettings(header: Header, { interpreter }: Pick<Metadata, 'interpreter'>): RunSettings {
  const { entrypoints, binds, ...settings } = header.launch;
  const [first, ...programs] = entrypoints;
  return {
    arch: header.arch,
    ownLoader: header.ownLoader,
    root: header.root,
    entrypoint: { program: first?.program ?? '', ...settings, interpreter },
    programs,
    binds,
  };
}
