import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packPayload } from '../../../build/pack-payload.ts';
import type { PayloadIndex } from '../../../src/payload/format/index-schema.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { scanPayload } from '../../../src/payload/scan.ts';
import { docker24Archive, docker29Archive, ociArchive } from '../../fixtures/image-archives.ts';
import { tinyHead, tinyImages, writeTinySpec } from '../../fixtures/tiny-payload.ts';

describe('images from archives', () => {
  let folder: string;
  let fromLayout: { index: PayloadIndex; bytes: Buffer };
  const images = tinyImages('2026.1');
  const [server, db, alpha] = images.map(({ reference }) => reference);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tiny-archives-'));
    fromLayout = await packed();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Packs the tiny product with some images taken from archives: reference -> archive. */
  async function packed(archives: Record<string, Buffer> = {}) {
    for (const [position, bytes] of Object.values(archives).entries())
      writeFileSync(join(folder, `${position}.tar`), bytes);
    const spec = writeTinySpec(folder, {
      editSpec: (value) => {
        const entries = value['images'] as { reference: string; ociLayout?: string; archive?: string }[];
        for (const entry of entries) {
          const position = Object.keys(archives).indexOf(entry.reference);
          if (position < 0) continue;
          delete entry.ociLayout;
          entry.archive = `${position}.tar`;
        }
      },
    });
    writeFileSync(join(folder, 'head'), tinyHead());
    const output = join(folder, 'tiny');
    try {
      const { index } = await packPayload({ spec, executable: join(folder, 'head'), output });
      return { index, bytes: readFileSync(output) };
    } finally {
      assert.ok(!readdirSync(folder).some((name) => /partial|unpacked/.test(name)));
      rmSync(output, { force: true });
    }
  }
  const all = (bytes: Buffer) => ({ [server!]: bytes, [db!]: bytes, [alpha!]: bytes });

  it('gives the same file from a folder, an OCI archive, plain or compressed, and an archive of Docker 29', async () => {
    const tar = await ociArchive(images);
    const forms = [tar, gzipSync(tar), zstdCompressSync(tar), await docker29Archive(images)];
    for (const form of forms) assert.ok((await packed(all(form))).bytes.equals(fromLayout.bytes));
  });

  it('makes a manifest for what Docker 24 saved, and keeps the image ID', async () => {
    const tar = await docker24Archive(images);
    const { index, bytes } = await packed(all(tar));
    const ids = (from: PayloadIndex) => from.images.map(({ config }) => config.digest);
    assert.deepEqual(ids(index), ids(fromLayout.index));
    const { index: again } = await packed(all(gzipSync(tar)));
    assert.deepEqual(again, index);
    // Its layers are uncompressed: nothing had to be measured, and every diffId is its digest.
    assert.ok(index.images.every(({ layers }) => layers.every(({ digest, diffId }) => digest === diffId)));
    writeFileSync(join(folder, 'packed'), bytes);
    const payload = await openPayload(join(folder, 'packed'));
    assert.deepEqual((await scanPayload(payload)).damages, []);
    await payload.close();
  });

  it("takes compressed layers under docker's names by their content, and refuses one that unpacks to something else", async () => {
    const { index } = await packed(all(await docker24Archive(images, (tar) => gzipSync(tar))));
    const diffIds = (from: PayloadIndex) =>
      from.images.map(({ layers }) => layers.map(({ diffId }) => diffId));
    assert.deepEqual(diffIds(index), diffIds(fromLayout.index));
    assert.ok(
      index.images.every(({ layers }) => layers.every(({ mediaType }) => mediaType.endsWith('+gzip'))),
    );
    const other = await docker24Archive(images, (tar) => gzipSync(tar.subarray(512)));
    await assert.rejects(packed(all(other)), /release\.yaml:\d+: the layer .* does not unpack to its diffId/);
  });

  it('stores a blob once that a folder and two archives hold', async () => {
    const { index } = await packed({
      [server!]: await docker24Archive(images.slice(0, 1)),
      [db!]: await ociArchive(images.slice(1, 2)),
    });
    const names = (from: PayloadIndex) => from.entries.map(({ name }) => name);
    assert.deepEqual(names(index), names(fromLayout.index));
    const base = index.images.map(({ layers }) => layers[0]!.digest);
    assert.equal(new Set(base).size, 1);
  });

  it('reads zstd layers out of an archive', async () => {
    const zstd = images.map((image) => ({
      ...image,
      layers: image.layers.map((layer) => ({ ...layer, compression: 'zstd' as const })),
    }));
    const { index } = await packed(all(await docker29Archive(zstd)));
    const [before, after] = [fromLayout.index, index].map((from) =>
      from.images.flatMap(({ layers }) =>
        layers.map(({ diffId, uncompressedSize }) => [diffId, uncompressedSize]),
      ),
    );
    assert.deepEqual(after, before);
    assert.ok(
      index.images.every(({ layers }) => layers.every(({ mediaType }) => mediaType.endsWith('+zstd'))),
    );
  });

  it('refuses what an archive does not hold, with file and line, and leaves nothing behind', async () => {
    const tar = await ociArchive(images);
    const damaged = Buffer.from(tar);
    damaged[tar.indexOf('server 2026.1\n')]! ^= 1;
    const refused: [Record<string, Buffer>, RegExp][] = [
      [all(await ociArchive(images.slice(0, 2))), /release\.yaml:\d+: the image .*alpha.* not in .*2\.tar/],
      [
        all(await docker29Archive(images, { withoutPlatform: true })),
        /:\d+: .* no manifest for linux\/amd64 \(docker save --platform/,
      ],
      [all(tar.subarray(0, 100_000)), /:\d+: the archive .*0\.tar: .*cut off/],
      [all(gzipSync(tar).subarray(0, 50_000)), /:\d+: the archive .* cannot be unpacked: unexpected end/],
      [all(Buffer.from('no tar at all'.repeat(100))), /:\d+: the archive .*: no tar header at byte 0/],
      [all(damaged), /does not have the digest of its name/],
    ];
    for (const [archives, message] of refused)
      await assert.rejects(packed(archives), { name: 'SpecError', message });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('tiny')),
      [],
    );
  });

  it('refuses an image that names both a folder and an archive, or neither', async () => {
    for (const change of [{ archive: 'x.tar' }, { ociLayout: undefined }]) {
      const spec = writeTinySpec(folder, {
        editSpec: (value) => Object.assign((value['images'] as object[])[1]!, change),
      });
      await assert.rejects(
        packPayload({ spec, executable: join(folder, 'head'), output: join(folder, 'tiny') }),
        /release\.yaml:\d+: images\.1: needs one of ociLayout and archive/,
      );
    }
  });
});
