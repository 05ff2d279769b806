// Whoever renders one loads this module when it does. Only the parts that are used: the whole takes twice as long.
import { ComponentType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import { Bom, Component, HashDictionary, Property } from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { bundleFileName } from '../../core/bundle-name.ts';
import { splitNameVersion, storePathName } from '../../core/store-path.ts';
import type { ImagePath } from '../../core/types.ts';
import type { DescribedFile } from './provenance.ts';

/**
 * Writes a bill of materials in CycloneDX 1.6, JSON: the file itself, and a component for each of its store paths with
 * what it refers to. Without serial number and time, so the same bundle gives the same bytes. Packages inside a store
 * path (the Python modules of one `site-packages`) are not looked for.
 */
export function renderSbom(file: DescribedFile): string {
  const paths = file.contents?.image.paths ?? [];
  const property = (name: string, value: string) => new Property(`saddlebag:${name}`, value);
  const bom = new Bom();
  const root = new Component(ComponentType.Application, file.name, {
    bomRef: bundleFileName(file),
    ...(file.appVersion === '' ? {} : { version: file.appVersion }),
    hashes: new HashDictionary([[HashAlgorithm['SHA-256'], file.sha256]]),
  });
  root.properties.add(property('arch', file.arch));
  root.properties.add(property('closureSha256', file.closureSha256));
  if (file.toolVersion !== null) root.properties.add(property('toolVersion', file.toolVersion));
  bom.metadata.component = root;
  const components = new Map<string, Component>();
  for (const path of paths) {
    const { name, version } = splitNameVersion(storePathName(path.storePath));
    const component = new Component(ComponentType.Library, name, {
      bomRef: path.storePath,
      ...(version === '' ? {} : { version }),
      ...purlOf(file, name, version),
    });
    component.properties.add(property('storePath', path.storePath));
    // Of its part of the archive: no file has it, so it is no hash in CycloneDX's sense.
    component.properties.add(property('contentSha256', path.contentSha256));
    components.set(path.storePath, component);
    bom.components.add(component);
  }
  linkDependencies(root, components, paths);
  const normalizer = new Json.Normalize.Factory(Spec1dot6);
  const serializer = new JsonSerializer(normalizer);
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** What Nix built is known by its name there; what was read from this machine has no registry. */
function purlOf(
  { contents }: DescribedFile,
  name: string,
  version: string,
): { readonly purl: string } | Record<string, never> {
  if (contents?.source !== 'nix') return {};
  return {
    purl: `pkg:nix/${encodeURIComponent(name)}${version === '' ? '' : `@${encodeURIComponent(version)}`}`,
  };
}

function linkDependencies(
  root: Component,
  components: ReadonlyMap<string, Component>,
  paths: readonly ImagePath[],
): void {
  for (const { storePath, references } of paths) {
    const component = components.get(storePath);
    if (component === undefined) continue;
    for (const reference of references) {
      const other = components.get(reference);
      if (other !== undefined) component.dependencies.add(other.bomRef);
    }
    root.dependencies.add(component.bomRef);
  }
}
