import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { crc32 } from 'node:zlib';
import { archiveLayout } from '../src/images/archive-layout.ts';
import type { PayloadIndex } from '../src/payload/index-schema.ts';
import { indexSchema } from '../src/payload/index-schema.ts';
import { chunkBounds } from '../src/payload/verified-read.ts';
import { localHeader } from '../src/payload/zip-records.ts';
import { withScratch } from './blob-source.ts';
import type { Range } from './clone-blocks.ts';
import { cloneBlocks } from './clone-blocks.ts';
import { emptyExecutableSize } from './empty-executable.ts';
import { HashPool } from './hash-pool.ts';
import { minisignature } from './minisign.ts';
import type { ChartReport, CheckedPlan } from './pack-check.ts';
import { checkedPlan } from './pack-check.ts';
import type { PackPlan, Source } from './pack-plan.ts';
import type { Signer, SigningKeys } from './signing.ts';
import { signerOf } from './signing.ts';
import { SpecError } from './spec-file.ts';
import type { Layout } from './zip-writer.ts';
import { directoryAndTrailer, layOut, localHeaders, renderIndex, zipEntries } from './zip-writer.ts';

/** What `npm run pack` is asked for. */
export interface PackRequest {
  spec: string;
  /** The head: what `npm run build` made. */
  executable: string;
  output: string;
  /** Fills the file up with a hole to about this size, for measurements of start-up. */
  padToBytes?: number;
  /** Without them the file is unsigned. */
  keys?: SigningKeys | undefined;
  onProgress?: (progress: { what: string; done: number; total: number }) => void;
}

/** What was packed, for the closing line. */
export interface Packed {
  index: PayloadIndex;
  digest: string;
  sharedBytes: number;
  chart: ChartReport | undefined;
}

const bytesPerThread = 32 * 1024 * 1024;
const hex32 = (value: number): string => value.toString(16).padStart(8, '0');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Writes `output` whole or not at all. Throws {@link SpecError} for what the vendor has to mend. */
export function packPayload(request: PackRequest): Promise<Packed> {
  return withScratch(`${request.output}.unpacked`, async (scratch) =>
    packPlan(await checkedPlan(request.spec, scratch), request),
  );
}

async function packPlan(plan: CheckedPlan, request: PackRequest): Promise<Packed> {
  const headSize = await emptyExecutableSize(request.executable);
  const partial = `${request.output}.partial`;
  const bytes = plan.sources.reduce((sum, { size }) => sum + size, headSize);
  // A thread takes longer to start than to hash some mebibytes.
  const pool = new HashPool(Math.min(availableParallelism(), 8, Math.ceil(bytes / bytesPerThread)));
  try {
    await measureLayers(plan, pool, request);
    const signer = request.keys && signerOf(request.keys, plan.product.name);
    const layout = layOutPlan(plan, headSize, request.padToBytes, signer);
    const file = await open(partial, 'w+', 0o755);
    try {
      const digest = await write(file, layout, plan, pool, request);
      await file.chmod(0o755);
      const signature = await detachedSignature(file, layout.index, digest, request);
      await file.sync();
      // A signature of an earlier file never lies beside this one.
      await rm(`${request.output}.minisig`, { force: true });
      await rename(partial, request.output);
      if (signature !== undefined) await writeFile(`${request.output}.minisig`, signature, { flush: true });
      return { index: layout.index, digest, sharedBytes: plan.sharedBytes, chart: plan.chart };
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await pool.close();
  }
}

function detachedSignature(
  file: FileHandle,
  { fileSize, product, version }: PayloadIndex,
  digest: string,
  { keys, onProgress }: PackRequest,
): Promise<string> | undefined {
  if (keys === undefined) return undefined;
  const comment = `${product} ${version} payload sha256:${digest}`;
  const told = (done: number) => onProgress?.({ what: 'signing', done, total: fileSize });
  return minisignature(file, fileSize, keys.key, comment, told);
}

/** Decompresses the compressed layers, each once: their size is wanted in the index, and their diffId has to be true. */
export async function measureLayers(
  plan: PackPlan,
  pool: HashPool,
  request: Pick<PackRequest, 'onProgress'>,
): Promise<void> {
  const total = plan.compressed.reduce((sum, { layer }) => sum + layer.size, 0);
  let done = 0;
  const measured = new Map<string, Promise<{ size: number; sha256: string }>>();
  await Promise.all(
    plan.compressed.map(async ({ layer, compression, path, offset: from, where }) => {
      const { digest, size } = layer;
      const running = measured.get(digest) ?? pool.run({ kind: 'inflate', path, from, size, compression });
      measured.set(layer.digest, running);
      const result = await running;
      if (`sha256:${result.sha256}` !== layer.diffId)
        throw new SpecError(`${where}: the layer ${layer.digest} does not unpack to its diffId`);
      layer.uncompressedSize = result.size;
      done += layer.size;
      request.onProgress?.({ what: 'reading compressed layers', done, total });
    }),
  );
}

function layOutPlan(
  plan: PackPlan,
  headSize: number,
  padToBytes: number | undefined,
  signer: Signer | undefined,
): Layout {
  const { product, spec, images } = plan;
  const tools = Object.entries(spec.tools).map(
    ([name, { version }]) => [name, { entry: `tools/${name}`, version }] as const,
  );
  const archives = Object.entries(spec.archives).map(([name, inside]) => ({
    name,
    size: archiveLayout({ images }, { images: inside }).gzipSize,
    sha256: '0'.repeat(64),
    crc32: '0'.repeat(8),
    images: inside,
  }));
  const describe = {
    format: { major: 1 as const, minor: 0 },
    product: product.name,
    title: product.title,
    command: product.command,
    version: spec.release.version,
    images,
    archives,
    tools: Object.fromEntries(tools),
  };
  const layout = layOut(headSize, plan.sources, describe, signer);
  const missing = (padToBytes ?? 0) - layout.index.fileSize;
  if (missing <= 0) return layout;
  plan.sources.push({ name: 'padding', size: missing, mode: 0o644, content: { zeros: true } });
  return layOut(headSize, plan.sources, describe, signer);
}

/** Writes head, contents, headers, index, directory and trailer, hashing on the way. Returns the SHA-256 of the index. */
async function write(
  file: FileHandle,
  layout: Layout,
  plan: PackPlan,
  pool: HashPool,
  request: PackRequest,
): Promise<string> {
  const { index } = layout;
  await file.truncate(index.chunks.coveredEnd);
  const head: Source = { name: '', size: index.headSize, mode: 0, content: { path: request.executable } };
  const places = [head, ...plan.sources].map((source, position) => {
    const entry = position === 0 ? undefined : index.entries[position - 1];
    return { source, entry, range: rangeOf(source, entry?.offset ?? 0) };
  });
  const shared = await cloneBlocks(
    file,
    places.flatMap(({ range }) => range ?? []),
  );
  let done = 0;
  const total = places.reduce((sum, { source }) => sum + source.size, 0);
  await Promise.all(
    places.map(async ({ source, entry, range }) => {
      const offset = entry?.offset ?? 0;
      const lies = range !== undefined && shared.has(range);
      const hashed = lies
        ? await pool.run({ kind: 'digest', file: file.fd, offset, size: source.size })
        : await writeContent(file, source, offset, pool);
      if (source.sha256 !== undefined && hashed.sha256 !== source.sha256)
        throw new SpecError(
          `${source.where ?? request.spec}: ${source.name} does not have the digest of its name`,
        );
      if (entry !== undefined) Object.assign(entry, { sha256: hashed.sha256, crc32: hashed.crc32 });
      done += source.size;
      request.onProgress?.({ what: 'copying', done, total });
    }),
  );
  for (const { offset, bytes } of localHeaders(layout)) await file.write(bytes, 0, bytes.length, offset);
  // Side by side: an archive is one long task, and the chunks keep the other threads busy.
  await Promise.all([
    hashArchives(file, layout, pool, request),
    hashChunks(file, layout, pool, plan, request),
  ]);
  indexSchema.parse(index);
  const content = renderIndex(layout);
  const indexHash = { sha256: sha256(content), crc32: hex32(crc32(content)) };
  const indexHeader = localHeader(zipEntries(layout, indexHash.crc32)[0]!);
  await file.write(
    Buffer.concat([indexHeader, content]),
    0,
    indexHeader.length + content.length,
    index.headSize,
  );
  const end = directoryAndTrailer(layout, indexHash, sha256);
  await file.write(end, 0, end.length, index.chunks.coveredEnd);
  return indexHash.sha256;
}

function rangeOf({ content, size }: Source, offset: number): Range | undefined {
  return 'path' in content ? { path: content.path, from: content.offset ?? 0, size, offset } : undefined;
}

async function writeContent(
  file: FileHandle,
  { content, size }: Source,
  offset: number,
  pool: HashPool,
): Promise<{ sha256: string; crc32: string }> {
  if ('path' in content) {
    const { path, offset: from = 0 } = content;
    return pool.run({ kind: 'copy', path, from, size, output: file.fd, offset });
  }
  if ('bytes' in content) {
    await file.write(content.bytes, 0, size, offset);
    return { sha256: sha256(content.bytes), crc32: hex32(crc32(content.bytes)) };
  }
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const hash = createHash('sha256');
  let crc = 0;
  for (let left = size; left > 0; left -= zeros.length) {
    const piece = left < zeros.length ? zeros.subarray(0, left) : zeros;
    hash.update(piece);
    crc = crc32(piece, crc);
  }
  return { sha256: hash.digest('hex'), crc32: hex32(crc) };
}

async function hashArchives(
  file: FileHandle,
  { index }: Layout,
  pool: HashPool,
  request: PackRequest,
): Promise<void> {
  const blobs = new Map(
    index.entries.flatMap(({ name, offset, size }) =>
      name.startsWith('blobs/sha256/') ? [[`sha256:${name.slice(13)}`, { offset, size }] as const] : [],
    ),
  );
  const total = index.archives.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  await Promise.all(
    index.archives.map(async (archive) => {
      const { parts, tarSize } = archiveLayout(index, archive);
      const hashed = await pool.run({ kind: 'archive', file: file.fd, parts, tarSize, blobs });
      if (hashed.size !== archive.size) throw new Error(`${archive.name} has ${hashed.size} bytes`);
      Object.assign(archive, { sha256: hashed.sha256, crc32: hashed.crc32 });
      done += archive.size;
      request.onProgress?.({ what: 'hashing archives', done, total });
    }),
  );
}

async function hashChunks(
  file: FileHandle,
  layout: Layout,
  pool: HashPool,
  plan: PackPlan,
  request: PackRequest,
): Promise<void> {
  const { chunks, headSize } = layout.index;
  const zeroed = { from: headSize, to: layout.indexOffset + layout.indexLength };
  // Chunks that lie whole in the padding are alike: one of them is hashed for all.
  const hole = plan.sources.at(-1)?.name === 'padding' ? layout.index.entries.at(-1) : undefined;
  let ofZeros: Promise<[string, string]> | undefined;
  let done = 0;
  await Promise.all(
    chunks.hashes.map(async (_, number) => {
      const { from, to } = chunkBounds(chunks, number);
      const hash = async (): Promise<[string, string]> => {
        const hashed = await pool.run({ kind: 'chunk', file: file.fd, from, to, zeroed });
        return [hashed.xxh128, hashed.sha256];
      };
      const inHole = hole !== undefined && from >= hole.offset && to - from === chunks.chunkSize;
      chunks.hashes[number] = await (inHole ? (ofZeros ??= hash()) : hash());
      done += to - from;
      request.onProgress?.({ what: 'hashing chunks', done, total: chunks.coveredEnd });
    }),
  );
}
