import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Header as TarHeader } from 'tar-stream';
import { bytesOf } from '../../../bundler/closure/elf/bytes.ts';
import { isolateLoader } from '../../../bundler/closure/elf/isolate.ts';
import { parseElf } from '../../../bundler/closure/elf/read.ts';
import { endOfSections } from '../../../bundler/closure/elf/sections.ts';
import { readImage } from '../../../bundler/closure/image/image.ts';
import { parseShebang } from '../../../bundler/closure/shebang.ts';
import { parseStrace } from '../../../bundler/closure/strace.ts';
import { decodeMetadata, encodeMetadata, type Metadata } from '../../../bundler/format/metadata.ts';
import { parseArtifact } from '../../../deploy/artifact/artifact.ts';
import { readJobState } from '../../../deploy/nomad/job-answer.ts';
import { readAllocations, readDeployments, readEvaluations } from '../../../deploy/nomad/nomad-answers.ts';
import { readAnswer } from '../../../deploy/nomad/nomad-http.ts';
import { readPlan } from '../../../deploy/nomad/plan-answer.ts';
import { renderPlan } from '../../../deploy/release/plan-text.ts';
import { parseSignature } from '../../../src/publish/provenance/minisign.ts';
import { parseReleaseList } from '../../../src/publish/releases/model.ts';
import { buildElf } from '../../bundler/closure/elf/build-elf.ts';
import { testContext } from '../../helpers/context.ts';
import { architecture, layoutOf, savedOf, tarOf, writeFiles } from '../../helpers/images.ts';
import type { Random } from '../../helpers/random.ts';
import { sampleRelease } from '../../src/publish/releases/sample.ts';

/** A reader of what comes from outside, given something near to what it expects; it may throw a SaddlebagError. */
export type HostileReader = (random: Random) => unknown;

const oddTexts = [
  '',
  '__proto__',
  'constructor',
  '..',
  '/',
  '\0',
  '\u001b[2J',
  '$' + '{NOMAD_TOKEN}',
  '\ud800',
  'x'.repeat(70_000),
];
const oddValues = [null, true, -1, 0.5, 2 ** 53, 1e308, [], {}, [[[]]], ...oddTexts];

/** Changes one place of a JSON value: another kind, an odd text, a key that every object has, or nothing at all. */
function mutateJson(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.once(6)) return random.pick(oddValues);
  if (Array.isArray(value)) {
    if (value.length === 0 || random.once(6)) return [...value, random.pick(oddValues)];
    const at = random.below(value.length);
    return value.map((item, index) => (index === at ? mutateJson(item, random) : item));
  }
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const changed = entries.flatMap(([key, item], index): [string, unknown][] => {
    if (index !== at) return [[key, item]];
    return random.once(5) ? [] : [[key, mutateJson(item, random)]];
  });
  return Object.fromEntries(
    at < entries.length ? changed : [...entries, [random.pick(oddTexts), random.pick(oddValues)]],
  );
}

/** JSON of a mutated value, sometimes cut off, sometimes nested without end. */
function hostileJson(value: unknown, random: Random): string {
  const text = JSON.stringify(mutateJson(random.once(3) ? mutateJson(value, random) : value, random));
  if (random.once(20)) return text.slice(0, random.below(text.length));
  return random.once(50) ? `${'['.repeat(100_000)}${text}` : text;
}

const telling = [
  0n,
  1n,
  2n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 40n,
  (1n << 53n) + 1n,
  (1n << 64n) - 1n,
];

function mutateBytes(sound: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(sound);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const width = random.pick([1, 2, 4, 8]);
    const at = random.below(Math.max(1, Math.floor(bytes.length / width))) * width;
    const value = random.pick(telling);
    for (let index = 0; index < width && at + index < bytes.length; index++) {
      bytes[at + index] = Number((value >> BigInt(8 * index)) & 0xffn);
    }
  }
  return random.once(10) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

const elf = buildElf({
  interpreter: '/lib/ld.so',
  needed: ['liba.so', 'libb.so'],
  soname: 'x',
  rpath: '$ORIGIN',
  runpath: '/a:/b',
});

const recorded = (name: string): readonly { part: string; answer: unknown }[] =>
  JSON.parse(readFileSync(new URL(`../../fixtures/nomad/${name}.json`, import.meta.url), 'utf8'));
const answers = ['healthy', 'crash', 'not-placed'].flatMap(recorded);

const readersOfAnswers: Readonly<Record<string, (value: unknown) => unknown>> = {
  plan: (value) => renderPlan('web', readPlan(value)),
  job: readJobState,
  evaluations: readEvaluations,
  deployments: readDeployments,
  allocations: readAllocations,
};

const metadata: Metadata = {
  source: 'image',
  interpreter: 'python3',
  imageSettings: { user: 'www', ports: ['80/tcp'], stopSignal: null },
  excluded: [{ glob: '**', files: 1, bytes: 2 }],
  references: [[], [0]],
  runtimeSha256: 'ab',
};

const lines = [
  'execve("/bin/a", ["a"], 0x1 /* 2 vars */) = 0',
  'openat(AT_FDCWD</>, "/a\\303", O_RDONLY) = 3</a>',
  '#!/usr/bin/env -S a b',
  'trusted comment: sha256:ab\tfile:x',
  'RWQ=',
];

/** All but images, which take files. */
export const hostileReaders: Readonly<Record<string, HostileReader>> = {
  'an ELF file': (random) => {
    const bytes = bytesOf(mutateBytes(elf, random));
    isolateLoader(bytes);
    endOfSections(bytesOf(Buffer.concat([elf, bytes.slice(0, bytes.length)])));
    return parseElf(bytes, '/app');
  },
  "Nomad's answer": (random) => {
    const { part, answer } = random.pick(answers);
    const read = readersOfAnswers[part];
    return read === undefined ? null : readAnswer(hostileJson(answer, random), 'read', read);
  },
  'a list of releases': (random) => {
    const list = {
      version: 1,
      name: 'web',
      serial: 1,
      releases: [sampleRelease('1.0'), sampleRelease('1.1')],
    };
    return parseReleaseList(hostileJson(list, random), 'releases.json');
  },
  'an artifact': (random) => parseArtifact(hostileJson(sampleRelease('1.0').artifact, random)),
  'metadata of a bundle': (random) =>
    decodeMetadata('app', encodeMetadata(mutateJson(metadata, random) as Metadata), 2),
  'lines of other programs': (random) => {
    const text = random
      .several(4, () => random.pick([...lines, ...oddTexts]))
      .join(random.pick(['\n', '"', ' ', '']));
    return [parseStrace(text), parseShebang(text), parseSignature(text)];
  },
};

const parts = [
  'a',
  'b',
  '..',
  '.',
  '',
  '.wh.a',
  '.wh...',
  '.wh..',
  '.wh.',
  '.wh..wh..opq',
  'link',
  'bin',
  '\\',
  'ä',
  'x'.repeat(300),
];
const pathOf = (random: Random) =>
  [random.pick(parts), ...random.several(3, () => random.pick(parts))].join('/');
const kinds = ['file', 'directory', 'symlink', 'link', 'fifo', 'character-device', 'block-device'] as const;

function memberOf(random: Random): Partial<TarHeader> | string {
  const type = random.pick(kinds);
  if (type === 'file') return random.pick(['', '#!/bin/sh\n']);
  return {
    type,
    linkname: random.once(3) ? '/etc/passwd' : pathOf(random),
    mode: random.pick([0, 0o777, 0o7777]),
  };
}

/**
 * Reads an image whose layers, manifests and names are odd, in a directory of its own below `top`.
 * @throws {Error} when anything changed in `top` outside of that directory; what `readImage` throws
 */
export async function readHostileImage(top: string, random: Random): Promise<void> {
  const workDirectory = await mkdtemp(join(top, 'work-'));
  const before = await readdir(top);
  const failure = await writeAndRead(workDirectory, random).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  const [outside, inside] = [await readdir(top), await readdir(workDirectory)];
  await rm(workDirectory, { recursive: true, force: true });
  if (outside.join() !== before.join() || !inside.includes('kept')) {
    throw new Error(`an image reached out of its tree: ${outside} ${inside}`);
  }
  if (failure !== undefined) throw failure;
}

async function writeAndRead(workDirectory: string, random: Random): Promise<void> {
  await mkdir(join(workDirectory, 'kept'));
  const layers = Array.from({ length: 1 + random.below(3) }, () =>
    Object.fromEntries(random.several(6, () => [pathOf(random), memberOf(random)])),
  );
  const image = { layers: [{ 'bin/app': '#!/bin/sh\n' }, ...layers] };
  const file = join(workDirectory, 'kept/image');
  if (random.once(2)) await writeFile(file, await savedOf(image));
  else await writeOddLayout(file, await layoutOf(image), random);
  await readImage(file, { name: 'web' }, { context: testContext(), workDirectory });
}

/** A layout with a mutated index, as a directory or an archive. */
async function writeOddLayout(file: string, files: Record<string, Buffer>, random: Random): Promise<void> {
  const manifest = [{ Config: random.pick(['../../x', 'config.json']), Layers: [pathOf(random)] }];
  const index: unknown = JSON.parse(files['index.json']?.toString() ?? '');
  const odd = {
    ...files,
    'index.json': Buffer.from(hostileJson(index, random)),
    'config.json': Buffer.from(
      hostileJson({ os: 'linux', architecture, config: {}, rootfs: { diff_ids: ['sha256:x'] } }, random),
    ),
    'manifest.json': Buffer.from(hostileJson(manifest, random)),
  };
  const { 'index.json': _index, ...saved } = odd;
  const written = random.once(2) ? odd : saved;
  if (random.once(2)) await writeFiles(file, written);
  else await writeFile(file, await tarOf(written));
}
