import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { z } from 'zod';

/** `docker save`'s own list; paths are inside the tar. */
const dockerManifest = z.array(z.object({ Config: z.string() }));
const ociIndex = z.object({ manifests: z.array(z.object({ digest: z.string() })) });
const ociManifest = z.object({ config: z.object({ digest: z.string() }) });

/** Manifests and configs are small; layers are passed over. */
const maxJsonBytes = 1024 * 1024;

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** `HEX.json` and `blobs/sha256/HEX` name a config by its digest. */
const digestInName = (name: string) => /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];

function parsed<T>(schema: z.ZodType<T>, text: Buffer | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text.toString())).data;
  } catch {
    return undefined;
  }
}

function configDigests(documents: ReadonlyMap<string, Buffer>): Set<string> {
  const found = new Set<string>();
  for (const { Config } of parsed(dockerManifest, documents.get('manifest.json')) ?? []) {
    const hex = digestInName(Config);
    if (hex !== undefined) found.add(`sha256:${hex}`);
  }
  const queue = [...(parsed(ociIndex, documents.get('index.json'))?.manifests ?? [])];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const blob = documents.get(`blobs/${next.digest.replace(':', '/')}`);
    const config = parsed(ociManifest, blob)?.config.digest;
    if (config !== undefined) found.add(config);
    // An index of platforms, one level down; each document is taken once.
    else queue.push(...(parsed(ociIndex, blob)?.manifests ?? []));
    if (found.size + queue.length > 10_000) break;
  }
  return found;
}

/**
 * The config digests (image IDs) of the images in an archive of any origin: docker or OCI layout, gzip or plain tar. Reads all of it.
 * @throws Error when it is neither, or cut off.
 */
export async function configDigestsInside(
  handle: FileHandle,
  options: { signal?: AbortSignal; onBytes?: (bytes: number) => void },
): Promise<Set<string>> {
  const file = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 });
  file.on('data', (piece) => options.onBytes?.(piece.length));
  const magic = (await handle.read(Buffer.alloc(2), 0, 2, 0)).buffer;
  const documents = new Map<string, Buffer>();
  const tar = extract();
  const reading = (async () => {
    for await (const entry of tar) {
      const { name, size = 0 } = entry.header;
      if (size > 0 && size <= maxJsonBytes) documents.set(name.replace(/^\.\//, ''), await collect(entry));
      else entry.resume();
    }
  })();
  const unzip = magic.equals(Buffer.from([0x1f, 0x8b])) ? [createGunzip()] : [];
  const end = options.signal === undefined ? {} : { signal: options.signal };
  await Promise.all([pipeline([file, ...unzip, tar], end), reading]);
  const found = configDigests(documents);
  if (found.size === 0) throw new Error('no image manifest inside');
  return found;
}
