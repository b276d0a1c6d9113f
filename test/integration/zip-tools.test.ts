import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { openPromise } from 'yauzl';
import {
  directoryAndTrailer,
  layOut,
  localHeaders,
  renderIndex,
  zipEntries,
} from '../../build/zip-writer.ts';
import { placedEntries } from '../../src/payload/index-check.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { localHeader } from '../../src/payload/zip-records.ts';
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

  it('finds entries that begin above four gibibytes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'beyond-'));
    const path = join(folder, 'file');
    try {
      const after = Buffer.from('behind four gibibytes\n');
      const sources = [
        { name: 'hole', size: 4.5 * 2 ** 30, mode: 0o644 },
        { name: 'after', size: after.length, mode: 0o755 },
      ];
      const identity = { product: 'p', title: 'P', command: 'p', version: '2026.1' };
      const describe = {
        format: { major: 1 as const, minor: 0 },
        ...identity,
        images: [],
        archives: [],
        tools: {},
      };
      const layout = layOut(128, sources, describe);
      const [, entry] = layout.index.entries;
      entry!.crc32 = crc32(after).toString(16).padStart(8, '0');
      const content = renderIndex(layout);
      const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      const hashes = { sha256: sha256(content), crc32: crc32(content).toString(16).padStart(8, '0') };
      const file = openSync(path, 'w');
      const [own] = zipEntries(layout, hashes.crc32);
      for (const { offset, bytes } of [
        { offset: 0, bytes: tinyHead() },
        { offset: own!.headerOffset, bytes: localHeader(own!) },
        { offset: layout.indexOffset, bytes: content },
        ...localHeaders(layout),
        { offset: entry!.offset, bytes: after },
        { offset: layout.index.chunks.coveredEnd, bytes: directoryAndTrailer(layout, hashes, sha256) },
      ])
        writeSync(file, bytes, 0, bytes.length, offset);
      closeSync(file);
      const ours = zipEntries(layout, hashes.crc32).map(({ name, size, crc32, headerOffset }) => ({
        name,
        size,
        crc32,
        headerOffset,
      }));
      assert.ok(ours.at(-1)!.headerOffset > 2 ** 32);
      assert.deepEqual(await byYauzl(path), ours);
      assert.deepEqual(JSON.parse(run('python3', '-c', pythonLists, path)), ours);
      assert.deepEqual(byZipinfo(path), ours);
      assert.equal(run('unzip', '-p', path, 'after'), after.toString());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
