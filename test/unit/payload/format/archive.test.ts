import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { archiveDifference, readArchivedPart } from '../../../../src/images/archive-file.ts';
import { storedGzip, storedGzipOffset, storedGzipSize } from '../../../../src/payload/format/archive-gzip.ts';
import { archiveLayout } from '../../../../src/payload/format/archive-layout.ts';
import { ociTarStream } from '../../../../src/payload/format/archive-stream.ts';
import { tarHeader } from '../../../../src/payload/format/archive-tar.ts';
import type { Payload } from '../../../../src/payload/reader.ts';
import { openPayload } from '../../../../src/payload/open-payload.ts';
import type { TinyPayload } from '../../../fixtures/tiny-payload.ts';
import { makeTinyPayload, noise } from '../../../fixtures/tiny-payload.ts';

async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function untar(tar: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of Readable.from([tar]).pipe(extract())) {
    files.set(entry.header.name, await collect(entry as unknown as AsyncIterable<Buffer>));
  }
  return files;
}

const pieces = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    ),
  );

describe('gzip in stored blocks', () => {
  it('is the same bytes however its content is cut, and any gunzip reads it', async () => {
    for (const size of [1, 65_534, 65_535, 65_536, 131_070, 200_000]) {
      const content = noise(size);
      const made = await Promise.all(
        [1 + Math.floor(size / 3), 65_535, size].map((cut) =>
          collect(storedGzip(pieces(content, cut), { tarSize: size, crc32: crc32(content) })),
        ),
      );
      assert.ok(made.every((bytes) => bytes.equals(made[0]!)));
      assert.equal(made[0]!.length, storedGzipSize(size));
      assert.ok(gunzipSync(made[0]!).equals(content));
      assert.equal(made[0]![storedGzipOffset(size - 1)], content[size - 1]);
    }
  });
});

describe('a tar header', () => {
  it('holds sizes beyond eight gibibytes', async () => {
    const parser = extract();
    const size = await new Promise((resolve) => {
      parser.on('entry', (header) => resolve(header.size));
      parser.write(tarHeader('big', 9 * 2 ** 30));
    });
    parser.destroy();
    assert.equal(size, 9 * 2 ** 30);
  });
});

describe('an image archive', () => {
  let tiny: TinyPayload;
  let payload: Payload;
  before(async () => {
    tiny = await makeTinyPayload();
    payload = await openPayload(tiny.path);
  });
  after(async () => {
    await payload.close();
    tiny.remove();
  });

  it('holds each blob under its digest and names the images for containerd, OCI and Docker', async () => {
    const files = await untar(gunzipSync(await collect(payload.streamArchive('docker-images.tar.gz'))));
    for (const [name, bytes] of files)
      if (name.startsWith('blobs/'))
        assert.equal(createHash('sha256').update(bytes).digest('hex'), name.slice('blobs/sha256/'.length));
    const index = JSON.parse(files.get('index.json')!.toString()) as {
      manifests: { annotations: Record<string, string> }[];
    };
    assert.deepEqual(index.manifests[0]!.annotations, {
      'io.containerd.image.name': 'registry.example/tiny/server:2026.1',
      'org.opencontainers.image.ref.name': '2026.1',
    });
    const docker = JSON.parse(files.get('manifest.json')!.toString()) as {
      Config: string;
      Layers: string[];
    }[];
    for (const { Config, Layers } of docker)
      for (const name of [Config, ...Layers]) assert.ok(files.has(name));
  });

  it('is recognised on disk without its contents, and what differs is said', async () => {
    const index = await payload.index();
    const archive = await payload.archive('docker-images.tar.gz');
    const bytes = await collect(payload.streamArchive(archive.name));
    const path = join(tiny.folder, 'archive.tar.gz');
    const difference = async (content: Buffer) => {
      writeFileSync(path, content);
      const handle = await open(path);
      try {
        return await archiveDifference(handle, index, archive);
      } finally {
        await handle.close();
      }
    };
    const changedAt = (offset: number) => {
      const changed = Buffer.from(bytes);
      changed[offset]! ^= 1;
      return difference(changed);
    };
    assert.equal(await difference(bytes), undefined);
    assert.match((await difference(bytes.subarray(1)))!, /bytes, the payload's has/);
    assert.match((await changedAt(0))!, /not written by this program/);
    assert.match((await changedAt(bytes.length - 1))!, /checksum/);
    const { parts } = archiveLayout(index, archive);
    for (const part of parts)
      assert.match(
        (await changedAt(storedGzipOffset(part.headerOffset)))!,
        new RegExp(`at the start of ${part.name}`),
      );
  });

  it('is read by position on disk', async () => {
    const index = await payload.index();
    const archive = await payload.archive('docker-images.tar.gz');
    const path = join(tiny.folder, 'archive.tar.gz');
    writeFileSync(path, await collect(payload.streamArchive(archive.name)));
    const layout = archiveLayout(index, archive);
    const handle = await open(path);
    for (const part of layout.parts) {
      if (!('digest' in part.content)) continue;
      const bytes = await collect(readArchivedPart(handle, layout, part));
      assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, part.content.digest);
    }
    await handle.close();
  });

  it('becomes a stream for the container runtime, under other names and without what is already there', async () => {
    const { images } = await payload.index();
    const image = images[0]!;
    const omit = new Set([image.layers[0]!.digest]);
    const named = [{ image, name: 'private.example/one:now' }];
    const { sizeBytes, stream } = ociTarStream({
      images: named,
      blobs: (digest) => payload.blob(digest),
      omit,
    });
    const tar = await collect(stream);
    assert.equal(tar.length, sizeBytes);
    const files = await untar(tar);
    assert.match(files.get('index.json')!.toString(), /private\.example\/one:now/);
    assert.deepEqual(
      [...files.keys()].filter((name) => name.startsWith('blobs/')),
      [image.manifest, image.config, image.layers[1]!].map(
        ({ digest }) => `blobs/${digest.replace(':', '/')}`,
      ),
    );
  });

  it('is cut off before the end of a blob that is not what its digest says', async () => {
    const image = (await payload.index()).images[0]!;
    const last = image.layers.at(-1)!.digest;
    async function* wrong(digest: string): AsyncGenerator<Buffer> {
      const bytes = await collect(payload.blob(digest));
      if (digest === last) bytes[0]! ^= 1;
      yield bytes.subarray(0, 10);
      yield bytes.subarray(10);
    }
    let size = 0;
    const { stream, sizeBytes } = ociTarStream({ images: [{ image, name: 'a:b' }], blobs: wrong });
    await assert.rejects(async () => {
      for await (const piece of stream) size += piece.length;
    }, /image blob sha256:.* is damaged/);
    assert.ok(size < sizeBytes - 1024 - 512);
  });
});
