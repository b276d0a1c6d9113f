import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { createXXHash128 } from 'hash-wasm';
import { openPromise } from 'yauzl';
import {
  chunkSize,
  directoryAndTrailer,
  indexHeader,
  layOut,
  localHeaders,
  renderIndex,
} from '../../build/zip-writer.ts';
import { placedEntries } from '../../src/payload/format/entries.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanPayload } from '../../src/payload/scan.ts';
import { chunkBounds } from '../../src/payload/format/chunks.ts';
import type { TinyPayload } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload, tinyHead } from '../fixtures/tiny-payload.ts';

/** What every reader says of an entry; `crc32` in hexadecimal. */
interface Listed {
  name: string;
  size: number;
  crc32: string;
  /** Of the local header. */
  headerOffset: number;
}

const run = (program: string, ...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  return stdout;
};

async function byOurs(path: string): Promise<Listed[]> {
  const payload = await openPayload(path);
  try {
    const index = await payload.index();
    return placedEntries(index, payload.indexEnd).map(({ name, size, crc32, headerOffset }) => ({
      name,
      size,
      crc32,
      headerOffset,
    }));
  } finally {
    await payload.close();
  }
}

async function byYauzl(path: string): Promise<Listed[]> {
  const zip = await openPromise(path, { strictFileNames: true });
  const listed: Listed[] = [];
  for await (const {
    fileName,
    uncompressedSize,
    compressedSize,
    crc32,
    relativeOffsetOfLocalHeader,
  } of zip.eachEntry()) {
    assert.equal(compressedSize, uncompressedSize);
    listed.push({
      name: fileName,
      size: uncompressedSize,
      crc32: crc32.toString(16).padStart(8, '0'),
      headerOffset: relativeOffsetOfLocalHeader,
    });
  }
  return listed;
}

const pythonLists = `
import json, sys, zipfile
entries = [(e.filename, e.file_size, '%08x' % e.CRC, e.header_offset) for e in zipfile.ZipFile(sys.argv[1]).infolist()]
print(json.dumps([dict(zip(('name', 'size', 'crc32', 'headerOffset'), entry)) for entry in entries]))`;

/** From `zipinfo -v`, which describes every field of every header. */
function byZipinfo(path: string): Listed[] {
  const entries = run('zipinfo', '-v', path)
    .split(/^Central directory entry #\d+:\n/m)
    .slice(1);
  return entries.map((entry) => {
    const [, name = '', headerOffset] =
      /^ {2}(\S+)\n\n {2}offset of local header from start of archive:\s+(\d+)/m.exec(entry) ?? [];
    const [, crc32 = ''] = /32-bit CRC value \(hex\):\s+([0-9a-f]{8})/.exec(entry) ?? [];
    const [, size] = / uncompressed size:\s+(\d+) bytes/.exec(entry) ?? [];
    return { name, size: Number(size), crc32, headerOffset: Number(headerOffset) };
  });
}

/** Packs onto the tiny head: few entries or thousands, with or without a hole that needs 64-bit sizes. */
async function packed(files: number, padToBytes?: number): Promise<TinyPayload> {
  return makeTinyPayload({
    bigLayerBytes: 5000,
    ...(padToBytes === undefined ? {} : { padToBytes }),
    editFiles: (folder) => {
      mkdirSync(join(folder, 'chart/files'));
      for (let number = 0; number < files; number += 1)
        writeFileSync(join(folder, `chart/files/${number}.txt`), `file ${number}\n`);
    },
  });
}

/** The two entries that no payload lacks. */
async function descriptions(): Promise<Record<string, Buffer>> {
  const tiny = await packed(0);
  const payload = await openPayload(tiny.path);
  try {
    const [product, release] = ['product.json', 'release.json'] as const;
    return { [product]: await payload.readEntry(product), [release]: await payload.readEntry(release) };
  } finally {
    await payload.close();
    tiny.remove();
  }
}

async function damages(path: string): Promise<unknown[]> {
  const payload = await openPayload(path);
  try {
    return (await scanPayload(payload)).damages;
  } finally {
    await payload.close();
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const hex32 = (value: number) => value.toString(16).padStart(8, '0');

const hashesOfZeros = new Map<number, { sha256: string; crc32: string }>();

function hashesOf(content: Buffer | number): { sha256: string; crc32: string } {
  if (typeof content !== 'number') return { sha256: sha256(content), crc32: hex32(crc32(content)) };
  const known = hashesOfZeros.get(content);
  if (known !== undefined) return known;
  const zeros = Buffer.alloc(4 * 2 ** 20);
  const hash = createHash('sha256');
  let crc = 0;
  for (let left = content; left > 0; left -= zeros.length) {
    const piece = zeros.subarray(0, left);
    hash.update(piece);
    crc = crc32(piece, crc);
  }
  const hashes = { sha256: hash.digest('hex'), crc32: hex32(crc) };
  hashesOfZeros.set(content, hashes);
  return hashes;
}

/**
 * A payload of these entries alone, which the packer would not make: it wants a chart and images. A number is
 * as many zeros.
 */
async function written(
  contents: Record<string, Buffer | number>,
): Promise<{ path: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'entries-alone-'));
  const path = join(folder, 'file');
  const sources = Object.entries(contents).map(([name, content]) => ({
    name,
    size: typeof content === 'number' ? content : content.length,
    mode: 0o644,
  }));
  const layout = layOut(tinyHead().length, sources, {
    format: { major: 1, minor: 0 },
    product: 'tiny',
    title: 'Tiny',
    command: 'tiny',
    version: '2026.1',
    images: [],
    archives: [],
    tools: {},
  });
  const { entries, chunks } = layout.index;
  const file = openSync(path, 'w+');
  const write = (bytes: Buffer, offset: number) => writeSync(file, bytes, 0, bytes.length, offset);
  write(tinyHead(), 0);
  for (const entry of entries) {
    const content = contents[entry.name]!;
    if (typeof content !== 'number') write(content, entry.offset);
    Object.assign(entry, hashesOf(content));
  }
  for (const { offset, bytes } of localHeaders(layout)) write(bytes, offset);
  ftruncateSync(file, chunks.coveredEnd);
  // The index is not there yet: chunks are hashed with zeros in its place.
  const xxh128 = await createXXHash128();
  const hashed = (piece: Buffer): [string, string] => [
    xxh128.init().update(piece).digest('hex'),
    sha256(piece),
  ];
  const ofZeros = hashed(Buffer.alloc(chunkSize));
  const holes = entries.filter(({ name }) => typeof contents[name] === 'number');
  chunks.hashes = chunks.hashes.map((_, number) => {
    const { from, to } = chunkBounds(chunks, number);
    const isInHole = holes.some(({ offset, size }) => from >= offset && to <= offset + size);
    if (isInHole && to - from === chunkSize) return ofZeros;
    const piece = Buffer.alloc(to - from);
    readSync(file, piece, 0, piece.length, from);
    return hashed(piece);
  });
  const content = renderIndex(layout);
  const own = { sha256: sha256(content), crc32: hex32(crc32(content)) };
  write(indexHeader(layout, own.crc32), layout.index.headSize);
  write(content, layout.indexOffset);
  write(directoryAndTrailer(layout, own, sha256), chunks.coveredEnd);
  closeSync(file);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

describe('a payload, to every program that reads zip archives', () => {
  for (const [files, size] of [
    [0, undefined],
    [3000, undefined],
    [0, 4.5 * 2 ** 30],
    [3000, 4.5 * 2 ** 30],
  ] as const)
    it(`holds the same ${files === 0 ? 'few' : 'thousands of'} entries ${size === undefined ? 'below' : 'above'} four gibibytes`, async () => {
      const tiny = await packed(files, size);
      try {
        const ours = await byOurs(tiny.path);
        assert.ok(ours.length > files);
        const [first, ...others] = await byYauzl(tiny.path);
        assert.equal(first?.name, 'index.json');
        assert.deepEqual(others, ours);
        const all = [first, ...ours];
        assert.deepEqual(JSON.parse(run('python3', '-c', pythonLists, tiny.path)), all);
        assert.deepEqual(byZipinfo(tiny.path), all);
        run('unzip', '-tqq', tiny.path, ...(size === undefined ? [] : ['-x', 'padding']));
        const said = run('python3', join(import.meta.dirname, '../fixtures/format_reader.py'), tiny.path);
        assert.equal(said, `tiny 2026.1: ${ours.length} entries, 2 archives\n`);
      } finally {
        tiny.remove();
      }
    });

  const beyond = 4.5 * 2 ** 30;
  for (const [what, padding] of [
    ['three entries', undefined],
    ['three entries and a hole above four gibibytes', beyond],
  ] as const)
    it(`holds ${what} and nothing else`, async () => {
      const { path, remove } = await written({
        ...(await descriptions()),
        ...(padding === undefined ? {} : { padding }),
      });
      try {
        const all = await byYauzl(path);
        const names = ['index.json', 'product.json', 'release.json'];
        assert.deepEqual(
          all.map(({ name }) => name),
          padding === undefined ? names : [...names, 'padding'],
        );
        assert.deepEqual(await byOurs(path), all.slice(1));
        assert.deepEqual(await damages(path), []);
        assert.deepEqual(JSON.parse(run('python3', '-c', pythonLists, path)), all);
        assert.deepEqual(byZipinfo(path), all);
        run('unzip', '-tqq', path, ...(padding === undefined ? [] : ['-x', 'padding']));
        const said = run('python3', join(import.meta.dirname, '../fixtures/format_reader.py'), path);
        assert.equal(said, `tiny 2026.1: ${all.length - 1} entries, 0 archives\n`);
      } finally {
        remove();
      }
    });

  it('finds entries that start above four gibibytes', async () => {
    const after = Buffer.from('behind four gibibytes\n');
    const { path, remove } = await written({ hole: beyond, after });
    try {
      const all = await byYauzl(path);
      assert.ok(all.at(-1)!.headerOffset > 2 ** 32);
      assert.deepEqual(await byOurs(path), all.slice(1));
      assert.deepEqual(JSON.parse(run('python3', '-c', pythonLists, path)), all);
      assert.deepEqual(byZipinfo(path), all);
      assert.equal(run('unzip', '-p', path, 'after'), after.toString());
    } finally {
      remove();
    }
  });
});
