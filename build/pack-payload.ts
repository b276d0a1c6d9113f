import { closeSync, constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { archiveLayout } from '../src/images/archive-layout.ts';
import type { PayloadIndex } from '../src/payload/index-schema.ts';
import { openUncached } from '../src/payload/page-memory.ts';
import { withScratch } from './blob-source.ts';
import { emptyExecutableSize } from './empty-executable.ts';
import { HashPool } from './hash-pool.ts';
import { measureLayers } from './measure-layers.ts';
import { minisignature } from './minisign.ts';
import type { PackPlan } from './pack-plan.ts';
import { writePayload } from './payload-writer.ts';
import type { ChartReport, CheckedPlan } from './pack-check.ts';
import { checkedPlan } from './pack-check.ts';
import type { Signer, SigningKeys } from './signing.ts';
import { signerOf } from './signing.ts';
import { refuseChanged, stampSources } from './source-stamps.ts';
import type { Layout } from './zip-writer.ts';
import { layOut } from './zip-writer.ts';

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

/** Writes `output` whole or not at all. Throws {@link SpecError} for what the vendor has to mend. */
export function packPayload(request: PackRequest): Promise<Packed> {
  return withScratch(`${request.output}.unpacked`, async (scratch) =>
    packPlan(await checkedPlan(request.spec, scratch), request),
  );
}

async function packPlan(plan: CheckedPlan, request: PackRequest): Promise<Packed> {
  const { onProgress } = request;
  const paths = plan.sources.flatMap(({ content }) => ('path' in content ? content.path : []));
  const before = await stampSources([request.executable, ...paths]);
  const headSize = await emptyExecutableSize(request.executable);
  const partial = `${request.output}.partial`;
  const bytes = plan.sources.reduce((sum, { size }) => sum + size, headSize);
  // One more than processors, for some wait for the disk; but a thread takes longer to start than to hash some mebibytes.
  const pool = new HashPool(Math.min(availableParallelism() + 1, 8, Math.ceil(bytes / bytesPerThread)));
  let file: FileHandle | undefined;
  let uncached: number | undefined;
  try {
    await measureLayers(plan, pool, onProgress);
    const signer = request.keys && signerOf(request.keys, plan.product.name);
    const layout = layOutPlan(plan, headSize, request.padToBytes, signer);
    file = await open(partial, 'w+', 0o755);
    uncached = openUncached(file.fd, constants.O_RDWR);
    const told = (done: number, total: number) => onProgress?.({ what: 'packing', done, total });
    const digest = await writePayload(
      { file, uncached },
      request.executable,
      plan.sources,
      layout,
      pool,
      told,
    );
    await refuseChanged(before);
    await file.chmod(0o755);
    const signature = await detachedSignature(file, layout.index, digest, request);
    await file.sync();
    // A signature of an earlier file never lies beside this one.
    await rm(`${request.output}.minisig`, { force: true });
    await rename(partial, request.output);
    if (signature !== undefined) await writeFile(`${request.output}.minisig`, signature, { flush: true });
    return { index: layout.index, digest, sharedBytes: plan.sharedBytes, chart: plan.chart };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    // The threads write through the file's number, which another file may have as soon as this one is closed.
    await pool.close();
    if (uncached !== undefined) closeSync(uncached);
    await file?.close();
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
