import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPromise } from 'yauzl';
import { packPayload } from '../../../build/pack-payload.ts';
import { placedEntries } from '../../../src/payload/format/entries.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { scanPayload } from '../../../src/payload/scan.ts';
import { makeTinyPayload, tinyHead, writeTinySpec } from '../../fixtures/tiny-payload.ts';

describe('packing', () => {
  it('gives the same bytes in another folder', async () => {
    const [first, second] = await Promise.all([makeTinyPayload(), makeTinyPayload()]);
    assert.notEqual(first.folder, second.folder);
    assert.ok(readFileSync(first.path).equals(readFileSync(second.path)));
    first.remove();
    second.remove();
  });

  it('refuses a source that somebody writes to meanwhile, and leaves nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tiny-changed-'));
    const executable = join(folder, 'head');
    writeFileSync(executable, tinyHead());
    const spec = writeTinySpec(folder);
    const values = join(folder, 'chart/values.yaml');
    const onProgress = () => utimesSync(values, 1, 1);
    await assert.rejects(
      packPayload({ spec, executable, output: join(folder, 'out'), onProgress }),
      (error: Error) => error.message === `${values} was changed while it was packed; pack again`,
    );
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('out')),
      [],
    );
    rmSync(folder, { recursive: true });
  });

  it('gives an archive in which yauzl finds what the index says', async () => {
    const tiny = await makeTinyPayload();
    const payload = await openPayload(tiny.path);
    const placed = placedEntries(await payload.index(), payload.indexEnd);
    const zip = await openPromise(tiny.path, { strictFileNames: true });
    const found = [];
    for await (const entry of zip.eachEntry()) found.push(entry);
    assert.equal(found[0]?.fileName, 'index.json');
    assert.deepEqual(
      found
        .slice(1)
        .map((entry) => [entry.fileName, entry.uncompressedSize, entry.relativeOffsetOfLocalHeader]),
      placed.map((entry) => [entry.name, entry.size, entry.headerOffset]),
    );
    zip.close();
    await payload.close();
    tiny.remove();
  });

  it('fills up with a hole to the size that was asked for, and the scan agrees', async () => {
    const padToBytes = 30 * 2 ** 20;
    const tiny = await makeTinyPayload({ padToBytes });
    assert.ok(Math.abs(tiny.index.fileSize - padToBytes) < 64 * 1024);
    const payload = await openPayload(tiny.path);
    assert.deepEqual((await scanPayload(payload)).damages, []);
    await payload.close();
    tiny.remove();
  });

  it('measures compressed layers', async () => {
    const tiny = await makeTinyPayload();
    const connector = tiny.index.images.find(({ reference }) => reference.includes('alpha'))!;
    const layer = connector.layers.at(-1)!;
    assert.match(layer.mediaType, /gzip/);
    assert.equal(layer.uncompressedSize, 512 + 70_144 + 1024);
    assert.notEqual(layer.digest, layer.diffId);
    tiny.remove();
  });

  it('refuses a head that already carries something, was cut off or is no executable', async () => {
    const tiny = await makeTinyPayload();
    const spec = join(tiny.folder, 'release.yaml');
    const output = join(tiny.folder, 'out');
    const cut = join(tiny.folder, 'cut');
    writeFileSync(cut, tinyHead().subarray(0, 100));
    const refused: [string, RegExp][] = [
      [tiny.path, /something lies behind the executable already/],
      [cut, /was cut off/],
      [spec, /no 64-bit ELF executable/],
      [join(tiny.folder, 'none'), /none: no such file; `npm run build` makes one$/],
    ];
    for (const [executable, message] of refused)
      await assert.rejects(packPayload({ spec, executable, output }), message);
    assert.equal(existsSync(output), false);
    tiny.remove();
  });

  it('leaves nothing behind when a blob is not what its name says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tiny-pack-'));
    const spec = writeTinySpec(folder);
    writeFileSync(join(folder, 'head'), tinyHead());
    const blobs = join(folder, 'oci/blobs/sha256');
    const layer = readdirSync(blobs).find((name) => readFileSync(join(blobs, name)).length > 150_000)!;
    const bytes = readFileSync(join(blobs, layer));
    bytes[1000]! ^= 1;
    writeFileSync(join(blobs, layer), bytes);
    const output = join(folder, 'out');
    await assert.rejects(packPayload({ spec, executable: join(folder, 'head'), output }), {
      name: 'SpecError',
      message: new RegExp(`release\\.yaml:\\d+: blobs/sha256/${layer} does not have the digest of its name`),
    });
    assert.equal(existsSync(output), false);
    assert.ok(!readdirSync(folder).some((name) => /partial|unpacked/.test(name)));
    rmSync(folder, { recursive: true });
  });
});
