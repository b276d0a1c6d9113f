import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { foreignTar, scanForeignArchive } from '../../../src/images/foreign-import.ts';
import { tarFiles, UnreadableArchive } from '../../../src/images/tar-files.ts';
import { tarOf } from '../../fixtures/oci-layout.ts';

const folder = mkdtempSync(join(tmpdir(), 'foreign-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const layer = tarOf({ 'app/server': 'hello' });
const config = Buffer.from(
  JSON.stringify({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [sha256(layer), sha256(layer)] },
  }),
);
const id = sha256(config);
const hex = id.slice('sha256:'.length);

/**
 * As `docker save` wrote it before OCI layouts: HEX.json, FOLDER/layer.tar, a link for a layer that is a
 * duplicate, manifest.json last.
 */
async function dockerArchive(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'aaaa/layer.tar' }, layer);
  tar.entry({ name: 'bbbb/layer.tar', type: 'symlink', linkname: '../aaaa/layer.tar' });
  tar.entry({ name: `${hex}.json` }, config);
  const list = [{ Config: `${hex}.json`, RepoTags: ['x:1'], Layers: ['aaaa/layer.tar', 'bbbb/layer.tar'] }];
  tar.entry({ name: 'manifest.json' }, JSON.stringify(list));
  tar.finalize();
  return await buffer(tar as AsyncIterable<Buffer>);
}

const write = (name: string, bytes: Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

describe('an archive of another tool', () => {
  it('in the older form of docker gets a manifest of ours, its layers found through links', async () => {
    const path = write('docker.tar.gz', gzipSync(await dockerArchive()));
    const archive = await scanForeignArchive(path, new Set([id]));
    const found = archive.images.get(id);
    assert.ok(found?.manifestBytes);
    const manifest = JSON.parse(found.manifestBytes.toString()) as { layers: { digest: string }[] };
    assert.deepEqual(
      manifest.layers.map(({ digest }) => digest),
      [sha256(layer), sha256(layer)],
    );

    const tar = foreignTar(archive, [{ ...found, name: 'staging:x' }], new Set());
    const copy = write('copy.tar', await buffer(tar));
    const files = new Map<string, string>();
    for await (const file of tarFiles(copy)) {
      files.set(file.name, sha256(await buffer(file.content)));
    }
    const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
    for (const digest of [id, sha256(layer), found.image.manifest.digest])
      assert.equal(files.get(blob(digest)), digest);
    assert.deepEqual([...files.keys()].slice(0, 2), ['index.json', 'oci-layout']);
    assert.equal(files.size, 5);
  });

  it('is complete with anything behind its end, and is not when its end is missing', async () => {
    const tar = await dockerArchive();
    const line = Buffer.from('a line of a terminal\n');
    const block = Buffer.alloc(512, 0x61);
    for (const [what, bytes, isWhole] of [
      ['a line', Buffer.concat([tar, line]), true],
      ['blocks', Buffer.concat([tar, block, block]), true],
      ['zeros and blocks', Buffer.concat([tar, Buffer.alloc(9 * 1024), block]), true],
      ['a line, in gzip', gzipSync(Buffer.concat([tar, line])), true],
      ['blocks, in gzip', gzipSync(Buffer.concat([tar, block])), true],
      ['no end, a line', Buffer.concat([tar.subarray(0, -1024), line]), false],
      ['no end, blocks', Buffer.concat([tar.subarray(0, -1024), block]), false],
      ['half of it', tar.subarray(0, 700), false],
      ['half of it, in gzip', gzipSync(tar).subarray(0, 400), false],
    ] as const) {
      const scanned = scanForeignArchive(write('behind', bytes), new Set([id]));
      if (!isWhole) await assert.rejects(scanned, UnreadableArchive, what);
      else assert.ok((await scanned).images.has(id), what);
    }
    await assert.rejects(
      scanForeignArchive(write('added', Buffer.concat([gzipSync(tar), line])), new Set([id])),
      {
        message: 'data was appended after its end',
      },
    );
  });

  it('leaves out blobs that are there already', async () => {
    const archive = await scanForeignArchive(write('d.tar', await dockerArchive()), new Set([id]));
    const found = archive.images.get(id)!;
    const omit = new Set([sha256(layer), id]);
    const bytes = await buffer(foreignTar(archive, [{ ...found, name: 'x' }], omit));
    assert.equal(bytes.includes('hello'), false);
  });

  it('of which nothing is wanted holds nothing, and is not read to its end', async () => {
    const bytes = await dockerArchive();
    const cut = write('unrelated.tar', Buffer.concat([bytes.subarray(0, -1024), Buffer.from('garbage')]));
    const archive = await scanForeignArchive(cut, new Set([`sha256:${'0'.repeat(64)}`]));
    assert.equal(archive.images.size, 0);
  });

  it('that changed after it was looked at breaks off the import', async () => {
    const bytes = await dockerArchive();
    const path = write('changing.tar', bytes);
    const archive = await scanForeignArchive(path, new Set([id]));
    writeFileSync(path, Buffer.from(bytes.toString('latin1').replace('hello', 'jello'), 'latin1'));
    const tar = foreignTar(archive, [{ ...archive.images.get(id)!, name: 'x' }], new Set());
    await assert.rejects(buffer(tar), /damaged/);
  });

  it('in a compression that is not read here is refused by its name', async () => {
    for (const [magic, name] of [
      ['fd377a585a00', 'xz'],
      ['425a6839314159265359', 'bzip2'],
      ['28b52ffd', 'zstd'],
      ['504b0304', 'zip'],
    ] as const) {
      const path = write('other', Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(2000, 1)]));
      await assert.rejects(scanForeignArchive(path, new Set([id])), {
        name: 'UnreadableArchive',
        message: `it is compressed with ${name}, and only gzip and a plain tar are read here`,
      });
    }
  });

  it('cut at any place is not readable', async () => {
    const whole = gzipSync(await dockerArchive());
    for (let length = 0; length < whole.length; length += 7) {
      const path = write('cut.tar.gz', whole.subarray(0, length));
      await assert.rejects(scanForeignArchive(path, new Set([id])), UnreadableArchive, `${length} bytes`);
    }
  });

  it('that names a platform whose blobs are absent does not hold that image', async () => {
    const manifest = Buffer.from(
      JSON.stringify({
        config: { digest: id, size: config.length },
        layers: [{ digest: sha256(Buffer.from('no')), size: 2, mediaType: 'x' }],
      }),
    );
    const tar = tarOf({
      'index.json': JSON.stringify({ manifests: [{ digest: sha256(manifest) }] }),
      [`blobs/${id.replace(':', '/')}`]: config,
      [`blobs/${sha256(manifest).replace(':', '/')}`]: manifest,
    });
    const archive = await scanForeignArchive(write('absent.tar', tar), new Set([id]));
    assert.equal(archive.images.size, 0);
  });
});
