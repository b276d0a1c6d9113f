import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IvaapError } from '../../src/errors.ts';
import { extractTarget, extractToFile } from '../../src/payload/extract-file.ts';
import type { ChunkIo } from '../../src/payload/chunked-file.ts';
import { fastIo } from '../../src/payload/fast/fast-io.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { plainIo } from '../../src/payload/plain-io.ts';
import { payloadFile } from '../../src/payload/payload-file.ts';
import { withFlippedBit } from '../fixtures/flipped-bit.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/**
 * Files that are large enough to be written in chunks, in both ways, on every kind of file system that can be
 * made here.
 */

const archive = 'docker-images.tar.gz';
const mib = 2 ** 20;
const tiny = await makeTinyPayload({ bigLayerBytes: 40 * mib + 4321 });
const expected = tiny.index.archives.find(({ name }) => name === archive)!;
const layer = tiny.index.entries.find(({ size }) => size > 40 * mib)!;
const work = mkdtempSync(join(tmpdir(), 'extract-threads-'));
const mounts: string[] = [];

function folder(name: string): string {
  const path = join(work, name);
  mkdirSync(path);
  return path;
}

function mounted(name: string, ...args: string[]): string {
  const path = folder(name);
  execFileSync('mount', [...args, path]);
  mounts.push(path);
  return path;
}

function disk(kind: 'ext4' | 'xfs', sizeMib: number): string {
  const image = join(work, `${kind}-${sizeMib}.image`);
  execFileSync('truncate', ['-s', `${sizeMib}M`, image]);
  execFileSync(`mkfs.${kind}`, ['-q', image]);
  return mounted(`${kind}-${sizeMib}`, '-o', 'loop', image);
}

let folders: [kind: string, path: string][];
before(() => {
  folders = [
    ['the machine’s own', folder('own')],
    ['tmpfs', mounted('tmpfs', '-t', 'tmpfs', 'tmpfs')],
    ['ext4', disk('ext4', 128)],
    ['xfs', disk('xfs', 320)],
  ];
});
after(() => {
  for (const path of mounts) execFileSync('umount', [path]);
  rmSync(work, { recursive: true });
  tiny.remove();
});

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Extracts `name` of the payload to `dest`. */
async function extractBy(
  io: ChunkIo,
  name: string,
  dest: string,
  options: Parameters<typeof extractToFile>[2] = {},
) {
  const payload = await openPayload(tiny.path);
  try {
    const source = await payloadFile(payload, name, io);
    assert.ok(source.writeChunks, 'it is too small to be written in chunks');
    await extractToFile(
      source,
      await extractTarget(dest, name, { ourselves: '/proc/self/exe', asRoot: '' }),
      options,
    );
  } finally {
    await payload.close();
  }
}

for (const [way, io] of Object.entries({ 'in threads': fastIo, plainly: plainIo })) {
  test(`${way}, an archive and a blob are the bytes of the index on every file system`, async () => {
    for (const [kind, at] of folders) {
      await extractBy(io, archive, join(at, 'archive'));
      assert.equal(sha256(join(at, 'archive')), expected.sha256, `the archive on ${kind}`);
      rmSync(join(at, 'archive'));
      await extractBy(io, layer.name, join(at, 'blob'));
      assert.equal(sha256(join(at, 'blob')), layer.sha256, `the blob on ${kind}`);
      assert.deepEqual(
        readdirSync(at).filter((name) => name !== 'lost+found'),
        ['blob'],
        kind,
      );
      rmSync(join(at, 'blob'));
    }
  });

  test(`${way}, each byte is reported once, and all of them in the end`, async () => {
    const seen: number[] = [];
    await extractBy(io, archive, join(folder(`told ${way}`), 'archive'), {
      onBytes: (bytes) => seen.push(bytes),
    });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(seen.at(-1), expected.size);
  });

  test(`${way}, a file that is replaced leaves nothing of its pages behind, longer or shorter than the new one`, async () => {
    const at = folder(`replaced ${way}`);
    for (const size of [1000, 60 * mib]) {
      writeFileSync(join(at, 'archive'), Buffer.alloc(size, 'x'));
      await extractBy(io, archive, join(at, 'archive'));
      assert.equal(sha256(join(at, 'archive')), expected.sha256);
    }
  });

  test(`${way}, what was written is on the disk without the page cache`, async () => {
    const at = join(folder(`durable ${way}`), 'archive');
    await extractBy(io, archive, at);
    execFileSync('dd', [`if=${at}`, 'iflag=nocache', 'count=0', 'status=none']);
    assert.equal(sha256(at), expected.sha256);
  });

  test(`${way}, damage anywhere in the blob is named, and nothing is left`, async () => {
    const at = folder(`damaged ${way}`);
    writeFileSync(join(at, 'old'), 'before');
    const places = [layer.offset, layer.offset + layer.size - 1, layer.offset + 20 * mib, layer.offset - 1];
    for (const offset of places) {
      await withFlippedBit(tiny.path, offset, () =>
        assert.rejects(extractBy(io, archive, join(at, 'old')), (error: IvaapError) => {
          assert.equal(error.code, 'payload');
          assert.ok(error.message.includes(layer.name), error.message);
          return true;
        }),
      );
      assert.deepEqual(readdirSync(at), ['old']);
      assert.equal(readFileSync(join(at, 'old'), 'utf8'), 'before');
    }
  });

  test(`${way}, a file system that fills up is named, the old file is as it was`, async () => {
    for (const at of [
      mounted(`small ${way}`, '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs'),
      disk('ext4', way === 'plainly' ? 25 : 24),
    ]) {
      writeFileSync(join(at, 'old'), 'before');
      await assert.rejects(extractBy(io, archive, join(at, 'old')), (error: IvaapError) => {
        assert.equal(error.code, 'failed');
        assert.match(error.message, new RegExp(`no space left on ${at} while writing ${at}/old`));
        return true;
      });
      assert.equal(readFileSync(join(at, 'old'), 'utf8'), 'before');
      assert.equal(readdirSync(at).filter((name) => name.endsWith('.partial')).length, 0);
    }
  });

  test(`${way}, an abort ends with its reason, all threads have ended, and nothing is left`, async () => {
    const at = folder(`aborted ${way}`);
    const stop = new AbortController();
    const reason = new IvaapError('interrupted', 'stopped');
    const onBytes = () => stop.abort(reason);
    await assert.rejects(extractBy(io, archive, join(at, 'x'), { signal: stop.signal, onBytes }), reason);
    assert.deepEqual(readdirSync(at), []);
  });
}

test('a payload that is cached nowhere is read past the page cache, and its copy does not fill it either', async () => {
  const at = join(folder('spared'), 'archive');
  const cached = (path: string) =>
    Number(execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path]));
  execFileSync('sync', [tiny.path]);
  execFileSync('dd', [`if=${tiny.path}`, 'iflag=nocache', 'count=0', 'status=none']);
  await extractBy(fastIo, archive, at);
  assert.ok(cached(tiny.path) < 8 * mib, `${cached(tiny.path)} bytes of the payload are cached`);
  assert.ok(cached(at) < 8 * mib, `${cached(at)} bytes of the archive are cached`);
  const handle = await open(at);
  assert.equal((await handle.stat()).size, statSync(at).size);
  await handle.close();
});
