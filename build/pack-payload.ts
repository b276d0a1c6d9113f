import { closeSync, constants, existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, relative } from 'node:path';
import type { AtomicFile } from '../src/host/atomic-file.ts';
import { openAtomic, writeFileAtomic } from '../src/host/atomic-file.ts';
import type { PayloadIndex } from '../src/payload/format/index-schema.ts';
import { openUncached } from '../src/payload/fast/page-memory.ts';
import { withScratch } from './layout-files.ts';
import { emptyExecutableSize } from './empty-executable.ts';
import { HashPool } from './hash-pool.ts';
import { keyTraces } from './key-search.ts';
import { layOutPlan } from './lay-out-plan.ts';
import { measureLayers } from './measure-layers.ts';
import { minisignature } from './minisign.ts';
import { writePayload } from './payload-writer.ts';
import type { ChartReport, CheckedPlan } from './pack-check.ts';
import { checkedPlan } from './pack-check.ts';
import { proveOutput } from './prove-output.ts';
import type { SigningKeys } from './signing.ts';
import { signerOf, signingKeys } from './signing.ts';
import { refuseChanged, stampSources } from './source-stamps.ts';
import { SpecError } from './spec-file.ts';
import { temporaryFile } from './temporary.ts';

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
  uncompressedBytes: number;
  chart: ChartReport | undefined;
}

const bytesPerThread = 32 * 1024 * 1024;

/** Writes `output` completely or not at all. Throws {@link SpecError} for what the vendor has to fix. */
export async function packPayload(request: PackRequest): Promise<Packed> {
  if (!existsSync(request.executable))
    throw new SpecError(`${request.executable}: no such file; \`npm run build\` makes one`);
  refuseOutput(request.output, [request.executable, request.spec, ...(request.keys?.files ?? [])]);
  return withScratch(`${request.output}.unpacked-`, async (scratch) =>
    packPlan(await checkedPlan(request.spec, scratch, request.keys), request),
  );
}

async function packPlan(plan: CheckedPlan, request: PackRequest): Promise<Packed> {
  const { onProgress } = request;
  const paths = plan.sources.flatMap(({ content }) => ('path' in content ? content.path : []));
  refuseOutput(request.output, [plan.files.product.path, ...paths]);
  const chart = plan.files.resolvePath(plan.spec.chart);
  if (!relative(realpathSync(chart), realpathSync(dirname(request.output))).startsWith('..'))
    throw new SpecError(`${request.output}: in the chart's folder, whose next package would hold it`);
  const before = await stampSources([request.executable, ...paths]);
  const headSize = await emptyExecutableSize(request.executable);
  const bytes = plan.sources.reduce((sum, { size }) => sum + size, headSize);
  // One more than processors, for some wait for the disk; but a thread takes longer to start than to hash
  // some mebibytes.
  const pool = new HashPool(
    Math.min(availableParallelism() + 1, 8, Math.ceil(bytes / bytesPerThread)),
    keyTraces(signingKeys(request.keys)),
  );
  let partial: AtomicFile | undefined;
  let forget: (() => void) | undefined;
  let uncached: number | undefined;
  try {
    await measureLayers(plan, pool, onProgress);
    const signer = request.keys && signerOf(request.keys, plan.product.name);
    const layout = layOutPlan(plan, headSize, request.padToBytes, signer);
    partial = await openAtomic(request.output, { mode: 0o755 });
    forget = temporaryFile(partial.temporaryPath);
    const file = partial.handle;
    uncached = openUncached(file.fd, constants.O_RDWR);
    const onBytes = (done: number, total: number) => onProgress?.({ what: 'packing', done, total });
    const digest = await writePayload(
      { file, uncached },
      request.executable,
      plan.sources,
      layout,
      pool,
      onBytes,
    );
    await refuseChanged(before);
    const signature = await detachedSignature(file, layout.index, digest, request);
    // The threads write through the file's number, which another file may have as soon as this one is closed.
    await pool.close();
    await proveOutput(partial.temporaryPath, request.output, digest);
    // A signature of an earlier file is never left next to this one.
    await rm(`${request.output}.minisig`, { force: true });
    await partial.commit();
    if (signature !== undefined)
      await writeFileAtomic(`${request.output}.minisig`, signature, { mode: 0o644 });
    const { sharedBytes, uncompressedBytes, chart: report } = plan;
    return { index: layout.index, digest, sharedBytes, uncompressedBytes, chart: report };
  } catch (error) {
    await pool.close();
    await partial?.discard();
    throw error;
  } finally {
    if (uncached !== undefined) closeSync(uncached);
    forget?.();
  }
}

/**
 * The output takes the place of a file or of nothing; what it is made from would be lost with the first
 * mistake.
 */
function refuseOutput(output: string, sources: readonly string[]): void {
  if (statSync(dirname(output), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new SpecError(`${output}: there is no folder ${dirname(output)}`);
  for (const path of [output, `${output}.minisig`]) {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile() && !there.isSymbolicLink())
      throw new SpecError(
        `${path}: ` +
          `${there.isDirectory() ? 'a folder' : 'no regular file'}, ` +
          'which the output would have to replace',
      );
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    const same = sources.find((source) => {
      const { dev, ino } = statSync(source, { throwIfNoEntry: false }) ?? {};
      return dev === found.dev && ino === found.ino;
    });
    if (same !== undefined)
      throw new SpecError(`${path}: the output would replace ${same}, from which it is made`);
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
  const onBytes = (done: number) => onProgress?.({ what: 'signing', done, total: fileSize });
  return minisignature(file, fileSize, keys.key, comment, onBytes);
}
