import { createHash } from 'node:crypto';
import { copyFile, link, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { cached } from './cache.ts';

/** One entry of a layer. Paths are relative, without `./`; owners default to root. */
export interface LayerEntry {
  path: string;
  type: 'file' | 'directory' | 'symlink';
  /** A file's content. */
  content?: Buffer;
  /** A symlink's target. */
  target?: string;
  mode: number;
  uid?: number;
  gid?: number;
}

/** A layer in the cache. Sizes in bytes; digests as `sha256:HEX`. */
export interface Layer {
  file: string;
  digest: string;
  diffId: string;
  sizeBytes: number;
}

export const sha256 = (content: Buffer | string) =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** The entries as a tar whose bytes depend on nothing but them: sorted by path, no times. */
export async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const archive = pack();
  const all = buffer(archive);
  for (const entry of sorted) {
    const header = {
      name: entry.type === 'directory' ? `${entry.path}/` : entry.path,
      type: entry.type,
      mode: entry.mode,
      mtime: new Date(0),
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      ...(entry.target === undefined ? {} : { linkname: entry.target }),
    };
    if (entry.type === 'file') archive.entry(header, entry.content ?? Buffer.alloc(0));
    else archive.entry(header);
  }
  archive.finalize();
  return all;
}

/** Makes the layer, or takes it from the cache where `key` names all that its entries depend on. */
export async function cachedLayer(key: string, entries: () => Promise<LayerEntry[]>): Promise<Layer> {
  const folder = await cached('layers', key, async (scratch) => {
    const tar = await tarOf(await entries());
    const compressed = await promisify(gzip)(tar, { level: 6 });
    await writeFile(join(scratch, 'layer.tar.gz'), compressed);
    const facts = { digest: sha256(compressed), diffId: sha256(tar), sizeBytes: compressed.length };
    await writeFile(join(scratch, 'layer.json'), JSON.stringify(facts));
  });
  const facts = JSON.parse(await readFile(join(folder, 'layer.json'), 'utf8')) as Omit<Layer, 'file'>;
  return { file: join(folder, 'layer.tar.gz'), ...facts };
}

/** Puts a file of the cache at another path, without copying it where both are on one file system. */
export async function place(file: string, at: string): Promise<void> {
  await link(file, at).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EXDEV') await copyFile(file, at);
    else if (error.code !== 'EEXIST') throw error;
  });
}
