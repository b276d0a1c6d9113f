import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packPayload } from '../../build/pack-payload.ts';
import { writeOciLayout } from '../fixtures/oci-layout.ts';
import { tinyHead, writeTinySpec } from '../fixtures/tiny-payload.ts';

const mebibyte = 2 ** 20;
const reference = 'registry.example/tiny/zeros:1';

/** Compressed zeros: frames or members one after another, as both formats allow. */
const zeros = (compress: (bytes: Buffer) => Buffer, mebibytes: number): Buffer => {
  const part = compress(Buffer.alloc(16 * mebibyte));
  return Buffer.concat(Array.from({ length: mebibytes / 16 }, () => part));
};

describe('packing what unpacks to very much', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tiny-bomb-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A spec with one image more, found in `source`. */
  function specWith(source: Record<string, string>): string {
    writeFileSync(join(folder, 'head'), tinyHead());
    return writeTinySpec(folder, {
      editSpec: (spec) => (spec['images'] as object[]).push({ reference, ...source }),
    });
  }
  const pack = (spec: string) =>
    packPayload({ spec, executable: join(folder, 'head'), output: join(folder, 'out') });
  const leftBehind = () => readdirSync(folder).filter((name) => name.startsWith('out'));

  /** Puts these bytes in place of the image's only layer, under their own digest. Returns that. */
  function replaceLayer(bytes: Buffer): string {
    const layout = join(folder, 'zeros');
    const read = (digest: string) => readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8');
    const write = (content: string | Buffer) => {
      const hex = createHash('sha256').update(content).digest('hex');
      writeFileSync(join(layout, 'blobs/sha256', hex), content);
      return { digest: `sha256:${hex}`, size: Buffer.byteLength(content) };
    };
    interface Descriptor {
      digest: string;
      size: number;
    }
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
    const manifest = JSON.parse(read(index.manifests[0]!.digest)) as { layers: Descriptor[] };
    Object.assign(manifest.layers[0]!, write(bytes));
    Object.assign(index.manifests[0]!, write(JSON.stringify(manifest)));
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    return manifest.layers[0]!.digest;
  }

  for (const [compression, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    it(`refuses a ${compression} layer, naming it and the spec's line`, async () => {
      writeOciLayout(join(folder, 'zeros'), [{ reference, layers: [{ files: { zeros: '' }, compression }] }]);
      const digest = replaceLayer(zeros(compress, 512));
      await assert.rejects(pack(specWith({ ociLayout: 'zeros' })), {
        name: 'SpecError',
        message: new RegExp(
          `release\\.yaml:\\d+: the layer ${digest} cannot be ` +
            'unpacked: it unpacks to more than 200 times its size$',
        ),
      });
      assert.deepEqual(leftBehind(), []);
    });

    it(`refuses a ${compression} archive, naming it, and leaves nothing of it on the disk`, async () => {
      writeFileSync(join(folder, 'bomb.tar'), zeros(compress, 512));
      const spec = specWith({ archive: 'bomb.tar' });
      await assert.rejects(pack(spec), {
        name: 'SpecError',
        message: /release\.yaml:\d+: the archive .*bomb\.tar: .*it unpacks to more than 200 times its size$/,
      });
      assert.deepEqual(leftBehind(), []);
    });
  }

  it('takes a layer of zeros as large as images have them', async () => {
    const files = { zeros: Buffer.alloc(100 * mebibyte) };
    writeOciLayout(join(folder, 'zeros'), [{ reference, layers: [{ files, compression: 'gzip' }] }]);
    const { index } = await pack(specWith({ ociLayout: 'zeros' }));
    const layer = index.images.at(-1)!.layers[0]!;
    assert.ok(layer.uncompressedSize > 200 * layer.size);
  });
});
