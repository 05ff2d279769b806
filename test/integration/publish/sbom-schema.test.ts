import { describe, expect, it } from 'vitest';
import type { StorePath } from '../../../src/core/store-path.ts';
import { type Bundle, closureSources } from '../../../src/core/types.ts';
import { renderSbom } from '../../../src/publish/provenance/sbom.ts';
import { schemaProblems } from '../../helpers/cyclonedx.ts';
import { sampleFile } from '../../src/publish/provenance/bundle.ts';

// No unit test: to read the schemas takes seconds.
describe('a bill of materials', () => {
  it.each(closureSources)('is valid by the schema of CycloneDX for what came from: %s', async (source) => {
    const { contents } = sampleFile;
    const named = ['a b+c-1.0é', 'gtk+3-3.24', 'noversion'].map((name, index) => ({
      ...contents.image.paths[0],
      storePath: `/nix/store/${String(index + 2).repeat(32)}-${name}` as StorePath,
    }));
    const image = { ...contents.image, paths: [...contents.image.paths, ...named] } as Bundle['image'];
    for (const appVersion of ['1.0', '']) {
      const file = { ...sampleFile, appVersion, contents: { ...contents, source, image } };
      expect(await schemaProblems(renderSbom(file))).toBeNull();
    }
  });

  it('is valid for a program that is no bundle; what is not is told from it', async () => {
    const text = renderSbom({ ...sampleFile, toolVersion: null, contents: null });
    expect(await schemaProblems(text)).toBeNull();
    expect(await schemaProblems(text.replace('"application"', '"programme"'))).not.toBeNull();
  });
});
