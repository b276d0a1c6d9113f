import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { IvaapError } from '../../src/errors.ts';
import { scanForeignArchive } from '../../src/images/foreign-import.ts';
import { UnreadableArchive } from '../../src/images/tar-files.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanPayload } from '../../src/payload/scan.ts';
import { renderTrailer } from '../../src/payload/format/trailer.ts';
import { forged } from '../fixtures/forged-payload.ts';
import { tarOf } from '../fixtures/oci-layout.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';
import type { Draw } from './mutate.ts';
import { mutatedBytes, mutatedLines, mutatedValue } from './mutate.ts';

/** What is fuzzed: how an input comes about, and what reads it. `read` throws what no reader may throw. */
export interface Target {
  /** What all inputs are made from, and is no refused one. */
  intact: Buffer;
  input(draw: Draw): Buffer;
  /** Returns whether the input was refused. */
  read(path: string): Promise<boolean>;
}

export const targetNames = ['trailer', 'index', 'zip', 'tar'] as const;
export type TargetName = (typeof targetNames)[number];

/**
 * All that a payload gives out: its identity, index, product and release, every entry and archive, and the
 * scan.
 */
async function readPayload(path: string): Promise<boolean> {
  try {
    const payload = await openPayload(path);
    try {
      const { entries, archives } = await payload.index();
      await payload.product();
      await payload.release();
      await scanPayload(payload);
      for (const { name } of entries) for await (const _ of payload.streamEntry(name));
      for (const { name } of archives) for await (const _ of payload.streamArchive(name));
    } finally {
      await payload.close();
    }
    return false;
  } catch (error) {
    if (error instanceof IvaapError && ['payload', 'usage'].includes(error.code)) return true;
    throw error;
  }
}

const config = '{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}';
const idOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function readForeign(path: string): Promise<boolean> {
  try {
    await scanForeignArchive(path, new Set([idOf(config)]));
    return false;
  } catch (error) {
    if (error instanceof UnreadableArchive) return true;
    throw error;
  }
}

/** A tar whose lists name a configuration and a layer, in both forms that image tools write. */
function imageTar(lists: (value: unknown) => unknown): Buffer {
  const layer = tarOf({ 'app/file': 'hello' });
  const layerDigest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      digest: idOf(config),
      size: config.length,
      mediaType: 'application/vnd.oci.image.config.v1+json',
    },
    layers: [
      { digest: layerDigest, size: layer.length, mediaType: 'application/vnd.oci.image.layer.v1.tar' },
    ],
  };
  return tarOf({
    'blobs/sha256/config': config,
    'blobs/sha256/layer': layer,
    'blobs/sha256/manifest': JSON.stringify(lists(manifest)),
    'index.json': '{"schemaVersion":2}',
    'manifest.json': JSON.stringify(
      lists([{ Config: 'blobs/sha256/config', RepoTags: ['x:1'], Layers: ['blobs/sha256/layer'] }]),
    ),
  });
}

/** Makes the checksum of every header in a tar fit again. */
function checksummed(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    tar.write('        ', at + 148);
    const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
  }
  return tar;
}

/** The targets, around one small payload; `end` removes it. */
export async function makeTargets(): Promise<{ targets: Record<TargetName, Target>; end: () => void }> {
  const tiny = await makeTinyPayload({ bigLayerBytes: 3000 });
  const bytes = readFileSync(tiny.path);
  const payload = await openPayload(tiny.path);
  const { trailer, commentOffset } = payload;
  await payload.close();
  const comment = renderTrailer(trailer).toString('latin1');
  const { coveredEnd } = tiny.index.chunks;
  const targets: Record<TargetName, Target> = {
    trailer: {
      intact: bytes,
      input(draw) {
        if (draw.upTo(3) === 0) return mutatedBytes(bytes, draw, commentOffset - 22);
        const text = Buffer.from(mutatedLines(comment, draw), 'latin1');
        const front = Buffer.from(bytes.subarray(0, commentOffset));
        front.writeUInt16LE(text.length & 0xffff, commentOffset - 2);
        return Buffer.concat([front, text]);
      },
      read: readPayload,
    },
    index: {
      intact: bytes,
      input(draw) {
        const way = draw.upTo(3);
        const text = (json: string) => {
          if (way === 0) return mutatedBytes(Buffer.from(json), draw);
          return JSON.stringify(mutatedValue(JSON.parse(json), draw));
        };
        // Half of the time the headers are those of the changed index, where there can be any.
        const index = (value: object) => void Object.assign(value, mutatedValue(value, draw));
        try {
          return forged(tiny, way === 2 ? { index } : { text }, tiny.index.fileSize);
        } catch {
          return forged(tiny, { text: (json) => json.slice(draw.upTo(json.length)) }, tiny.index.fileSize);
        }
      },
      read: readPayload,
    },
    zip: {
      intact: bytes,
      input(draw) {
        if (draw.upTo(8) === 0) return bytes.subarray(0, draw.upTo(bytes.length));
        const entry = draw.of(tiny.index.entries);
        const [from, to] = draw.of([
          [0, tiny.index.headSize + 40],
          [entry.offset - 120, entry.offset],
          [coveredEnd, commentOffset],
          [0, bytes.length],
        ] as const);
        return mutatedBytes(bytes, draw, Math.max(0, from), to);
      },
      read: readPayload,
    },
    tar: {
      intact: imageTar((value) => value),
      input(draw) {
        const way = draw.upTo(5);
        if (way === 0) return imageTar((value) => mutatedValue(value, draw));
        const tar = imageTar((value) => value);
        const changed = mutatedBytes(tar, draw, 512 * draw.upTo(tar.length / 512));
        if (way === 1) return gzipSync(changed);
        if (way === 2) return mutatedBytes(gzipSync(tar), draw);
        return way === 3 ? checksummed(changed) : changed;
      },
      read: readForeign,
    },
  };
  return { targets, end: tiny.remove };
}

/** Writes an input where a reader finds it. */
export const writeInput = (path: string, bytes: Buffer): void => writeFileSync(path, bytes);
