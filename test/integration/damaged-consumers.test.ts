import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createContainerd } from '../../src/host/containerd.ts';
import { createRunner } from '../../src/host/runner.ts';
import { placeTool } from '../../src/host/tools.ts';
import { ociTarStream } from '../../src/payload/format/archive-stream.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { withFlippedBit } from '../fixtures/flipped-bit.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

// Every kind of consumer, each fed from a payload with one changed bit: none may take a part for the whole.

const tiny = await makeTinyPayload({ executable: builtExecutable(), bigLayerBytes: 13_000_000 });
const work = mkdtempSync(join(tmpdir(), 'damaged-consumers-'));
after(() => {
  tiny.remove();
  rmSync(work, { recursive: true });
});

const { entries, images, archives, chunks } = tiny.index;
const layer = entries.find(({ size }) => size > 12_000_000)!;
const archive = archives.find(({ size }) => size > 12_000_000)!;
const damagedFile = join(work, 'damaged');
copyFileSync(tiny.path, damagedFile);

/** Where the chunk starts that holds the layer's middle, in which a bit is changed. */
const middle = layer.offset + Math.floor(layer.size / 2);
const badChunkAt = Math.floor(middle / chunks.chunkSize) * chunks.chunkSize;
assert.ok(badChunkAt > layer.offset, 'bytes of the layer come before the damaged chunk');

async function withDamagedPayload<T>(
  offset: number,
  run: (payload: Awaited<ReturnType<typeof openPayload>>) => Promise<T>,
): Promise<T> {
  return withFlippedBit(damagedFile, offset, async () => {
    const payload = await openPayload(damagedFile);
    try {
      return await run(payload);
    } finally {
      await payload.close();
    }
  });
}

const program = (...args: string[]) => spawnSync(damagedFile, args, { maxBuffer: 64 * 2 ** 20 });
const wholeEntry = readFileSync(tiny.path).subarray(layer.offset, layer.offset + layer.size);
const wholeArchive = spawnSync(tiny.path, ['extract-file', archive.name, '-'], {
  maxBuffer: 64 * 2 ** 20,
}).stdout;

describe('of a payload with one changed bit', () => {
  it('standard output gets an entry up to the damaged chunk and no further: exit 4', async () => {
    const { status, stdout, stderr } = await withFlippedBit(damagedFile, middle, () =>
      program('extract-file', layer.name, '-'),
    );
    assert.equal(status, 4, stderr.toString());
    assert.ok(stderr.includes(layer.name));
    assert.equal(stdout.length, badChunkAt - layer.offset);
    assert.ok(stdout.equals(wholeEntry.subarray(0, stdout.length)));
  });

  it('standard output gets an archive that gzip reports as incomplete', async () => {
    assert.equal(createHash('sha256').update(wholeArchive).digest('hex'), archive.sha256);
    const { status, stdout } = await withFlippedBit(damagedFile, middle, () =>
      program('extract-file', archive.name, '-'),
    );
    assert.equal(status, 4);
    assert.ok(stdout.length > 0 && stdout.length < wholeArchive.length);
    assert.ok(stdout.equals(wholeArchive.subarray(0, stdout.length)));
    assert.notEqual(spawnSync('gzip', ['-t'], { input: stdout }).status, 0);
  });

  it('no file appears, for an entry, an archive or the complete tree', async () => {
    const at = join(work, 'out');
    for (const args of [
      ['extract-file', layer.name, at],
      ['extract-file', archive.name, at],
      ['extract', at],
    ]) {
      const { status, stderr } = await withFlippedBit(damagedFile, middle, () => program(...args));
      assert.equal(status, 4, stderr.toString());
      assert.equal(existsSync(at), false, args.join(' '));
    }
    assert.deepEqual(
      readdirSync(work).filter((name) => name.includes('.partial')),
      [],
    );
  });

  it('a child is killed before the damaged chunk and never sees an end of its input', async () => {
    const got = join(work, 'got');
    const ended = join(work, 'ended');
    const script = `cat > ${got}; echo whole > ${ended}; sha256sum ${got}`;
    await withDamagedPayload(middle, async (payload) => {
      await assert.rejects(
        createRunner().run(['sh', '-c', script], { stdin: payload.streamEntry(layer.name) }),
        { code: 'payload' },
      );
    });
    assert.equal(existsSync(ended), false);
    const taken = readFileSync(got);
    assert.ok(taken.length <= badChunkAt - layer.offset);
    assert.ok(taken.equals(wholeEntry.subarray(0, taken.length)));
  });

  it('the importer of images is killed the same way', async () => {
    const k3s = join(work, 'k3s');
    const got = join(work, 'imported');
    const ended = join(work, 'import-ended');
    writeFileSync(
      k3s,
      `#!/bin/sh\n[ "$1" != crictl ] || exec echo '{}'\ncat > ${got}\necho whole > ${ended}\n`,
    );
    chmodSync(k3s, 0o755);
    const containerd = createContainerd(createRunner(), { k3s, socket: '/run/none.sock' });
    const image = images.find(({ layers }) => layers.some(({ size }) => size > 12_000_000))!;
    const tar = (payload: Awaited<ReturnType<typeof openPayload>>) =>
      ociTarStream({
        images: [{ image, name: image.reference }],
        blobs: (digest) => payload.blob(digest),
      });
    await withDamagedPayload(middle, (payload) =>
      assert.rejects(containerd.import(tar(payload).stream), { code: 'payload' }),
    );
    assert.equal(existsSync(ended), false);
    const partLength = readFileSync(got).length;
    const payload = await openPayload(tiny.path);
    const { sizeBytes, stream } = tar(payload);
    await containerd.import(stream);
    await payload.close();
    assert.equal(readFileSync(ended, 'utf8'), 'whole\n');
    assert.equal(readFileSync(got).length, sizeBytes);
    assert.ok(partLength < sizeBytes - layer.size / 4);
  });

  it('a tool is not placed and a chart file not handed on', async () => {
    const helm = entries.find(({ name }) => name === 'tools/helm')!;
    const tools = join(work, 'tools');
    await withDamagedPayload(helm.offset, (payload) =>
      assert.rejects(
        placeTool(tools, { name: 'helm', sha256: helm.sha256 }, () => payload.streamEntry(helm.name)),
        { code: 'payload' },
      ),
    );
    assert.deepEqual(readdirSync(join(tools, helm.sha256)), []);
    const values = entries.find(({ name }) => name === 'TinyChart/values.yaml')!;
    await withDamagedPayload(values.offset, (payload) =>
      assert.rejects(payload.readEntry(values.name), { code: 'payload' }),
    );
  });

  it('what is next to the damage is given out', async () => {
    const { status, stdout } = await withFlippedBit(damagedFile, middle, () =>
      program('extract-file', 'TinyChart/values.yaml', '-'),
    );
    assert.equal(status, 0);
    assert.equal(stdout.toString(), 'host: tiny.example\n');
  });
});
