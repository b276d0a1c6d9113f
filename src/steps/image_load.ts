import { join } from 'node:path';
import type { JsonObject, Plan, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { writeStreamAtomic } from '../host/atomic-file.ts';
import { roomAt } from '../host/mounts.ts';
import { loadImages } from '../images/load.ts';
import { type ImagePlan, planImages } from '../images/plan.ts';
import { wantedArchives, wantedImages } from '../images/wanted.ts';
import type { StepContext } from './context.ts';
import { imageStore } from './image_store.ts';

/** Plans that were just made: to make one may mean to read a large archive through. */
const justPlanned = new WeakMap<StepContext, ImagePlan>();

/** What of the release's images this host lacks, and where each would come from. Read-only. */
export async function planImageLoad(ctx: StepContext): Promise<Plan> {
  const plan = await imagePlan(ctx);
  justPlanned.set(ctx, plan);
  const missing = plan.images.filter(({ action }) => action !== 'none');
  return {
    action: 'run',
    summary: `${missing.length} of ${plan.images.length} images, ${plan.missingBytes} bytes to load`,
    details: plan.images.map(({ name, action, source }) => {
      const from = action === 'load' ? ` from ${source?.path ?? 'the payload'}` : '';
      return `${name}: ${action}${from}`;
    }),
    data: { missingBytes: plan.missingBytes, unpackedBytes: plan.unpackedBytes },
  };
}

function imagePlan(ctx: StepContext, signal?: AbortSignal): Promise<ImagePlan> {
  const { containerd, index, product, entitlements, imagesFrom, paths } = ctx;
  return planImages({
    containerd,
    wanted: wantedImages(index, product, entitlements),
    index,
    from: imagesFrom,
    folder: paths.folder,
    command: ctx.program,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Loads what is missing, after proving that there is room for it. */
export async function loadMissingImages(ctx: StepContext, io: StepIo): Promise<JsonObject> {
  const { containerd, payload, product, to } = ctx;
  const refreshedArchives = ctx.refreshArchives ? await refreshArchives(ctx, io) : [];
  const known = ctx.refreshArchives ? undefined : justPlanned.get(ctx);
  justPlanned.delete(ctx);
  const plan = known ?? (await imagePlan(ctx, io.signal));
  plan.warnings.forEach((line) => io.warn(line));
  await assertRoom(ctx, plan);
  const loaded = await loadImages(plan, {
    containerd,
    payload,
    product: product.name,
    version: to,
    signal: io.signal,
    onMidway: () => io.midpoint(),
    keepVersions: ctx.from === null ? [] : [ctx.from],
    onProgress: (done, total, note) => io.progress({ done, total, unit: 'bytes', note }),
    log: (line) => io.log(line),
    warn: (line) => io.warn(line),
  });
  return {
    images: plan.images.map(({ name, configDigest }) => ({ name, configDigest })),
    imageLoad: { ...loaded },
    refreshedArchives,
  };
}

/** Throws when an image of an earlier load has gone from containerd's store. */
export async function verifyImages({ containerd }: StepContext, out: JsonObject): Promise<void> {
  const there = new Set((await containerd.runtimeImages()).map(({ id }) => id));
  for (const { name, configDigest } of out.images as { name: string; configDigest: string }[]) {
    if (!there.has(configDigest)) {
      throw new IvaapError('failed', `the image ${name} is not in containerd's store`);
    }
  }
}

/** New layers are stored as they come and unpacked beside that. */
async function assertRoom({ product }: StepContext, plan: ImagePlan): Promise<void> {
  const needed = plan.missingBytes + plan.unpackedBytes;
  const place = imageStore(product.k3s.containerdSocket);
  const room = await roomAt(place);
  if (needed <= room.freeBytes) return;
  throw new IvaapError(
    'failed',
    `the new image layers need ${needed} bytes on ${room.mountPoint}, and ${room.freeBytes} are free`,
    { hint: `df -h ${room.mountPoint}` },
  );
}

/** Writes the release's archives anew: the core's and those of the connectors that the licence grants. */
async function refreshArchives(ctx: StepContext, io: StepIo): Promise<string[]> {
  const { index, paths, payload } = ctx;
  const wanted = wantedArchives(ctx.product, ctx.entitlements);
  const written: string[] = [];
  for (const archive of index.archives.filter(({ name }) => wanted.includes(name))) {
    const path = join(paths.folder, archive.name);
    await writeStreamAtomic(path, payload.streamArchive(archive.name), {
      mode: 0o644,
      signal: io.signal,
      onBytes: (done) => io.progress({ done, total: archive.size, unit: 'bytes', note: archive.name }),
      verify: ({ sha256 }) => {
        if (sha256 === archive.sha256) return;
        throw new IvaapError('payload', `${archive.name} in the payload is damaged`);
      },
    });
    written.push(path);
  }
  return written;
}
