import { describe, expect, it } from 'vitest';
import { renderProvenance } from '../../../../src/publish/provenance/provenance.ts';
import { renderSbom } from '../../../../src/publish/provenance/sbom.ts';
import { sampleFile } from './bundle.ts';

const [glibc, app] = sampleFile.contents.image.paths.map(({ storePath }) => storePath);

describe('renderProvenance', () => {
  it('says what a bundle was made of, and of which revision', () => {
    expect(JSON.parse(renderProvenance(sampleFile, 'ab12'))).toEqual({
      version: 1,
      name: 'web',
      appVersion: '1.0',
      arch: 'x86_64',
      fileName: 'web-1.0-x86_64',
      sizeBytes: 1000,
      sha256: 'ab'.repeat(32),
      closureSha256: 'cd'.repeat(32),
      source: 'nix',
      revision: 'ab12',
      toolVersion: '9.9.9',
      encoder: 'zstd 1.5.7 level 19',
      storePaths: [
        { storePath: glibc, contentSha256: 'ef'.repeat(32), contentBytes: 200, references: [] },
        { storePath: app, contentSha256: '01'.repeat(32), contentBytes: 100, references: [glibc] },
      ],
    });
  });
});

describe('renderSbom', () => {
  it('has a component for each store path, and what refers to what', async () => {
    const sbom = JSON.parse(renderSbom(sampleFile));
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(sbom.metadata.component).toMatchObject({
      type: 'application',
      name: 'web',
      version: '1.0',
      'bom-ref': 'web-1.0-x86_64',
      hashes: [{ alg: 'SHA-256', content: 'ab'.repeat(32) }],
    });
    expect(sbom.components).toMatchObject([
      { type: 'library', name: 'glibc', version: '2.37-66', 'bom-ref': glibc, purl: 'pkg:nix/glibc@2.37-66' },
      { type: 'library', name: 'web', version: '1.0', 'bom-ref': app },
    ]);
    expect(sbom.dependencies).toContainEqual({ ref: app, dependsOn: [glibc] });
    expect(sbom.dependencies).toContainEqual({ ref: 'web-1.0-x86_64', dependsOn: [glibc, app] });
  });

  it('holds nothing that changes from run to run', async () => {
    const text = renderSbom(sampleFile);
    expect(renderSbom(sampleFile)).toBe(text);
    expect(text).not.toMatch(/serialNumber|timestamp/);
  });

  it('describes a program that is no bundle by itself', async () => {
    const program = { ...sampleFile, toolVersion: null, contents: null };
    expect(JSON.parse(renderSbom(program))).not.toHaveProperty('components.0');
    expect(JSON.parse(renderProvenance(program, null))).toMatchObject({ source: null, storePaths: [] });
  });

  it('gives no package URL to what no registry knows', async () => {
    expect(
      renderSbom({ ...sampleFile, contents: { ...sampleFile.contents, source: 'program' } }),
    ).not.toContain('purl');
  });
});
