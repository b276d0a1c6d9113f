import { join } from 'node:path';
import * as z from 'zod';
import type { Plan, Preview, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { DiskReserve } from '../host/reserve.ts';
import { roomAt } from '../host/mounts.ts';
import { namesOf } from '../images/compare-runtime.ts';
import { loadImages } from '../images/load.ts';
import { type ImagePlan, type PlannedImage, planImages } from '../images/plan.ts';
import { wantedArchives, wantedImages } from '../images/wanted.ts';
import { extractToFile } from '../payload/extract-file.ts';
import { payloadFile } from '../payload/payload-file.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { StepContext } from './context.ts';
import { imageStore } from './image-store.ts';
import { shellWord } from '../shell-word.ts';

/** A step's plan with its images: finding them out may require reading a large archive. */
export interface ImageLoadPlan extends Plan {
  images: ImagePlan;
}

/** What loading the images returns, in both flows. */
export const imageLoadResult = z.object({
  images: z.array(z.object({ name: z.string(), configDigest: z.string() })),
  imageLoad: z.object({
    loaded: z.array(z.string()),
    tagged: z.array(z.string()),
    present: z.array(z.string()),
    unpinned: z.array(z.string()),
    importedBytes: z.number(),
  }),
  /** Archives on disk that were written again from the payload. */
  refreshedArchives: z.array(z.string()),
});

export type ImageLoadResult = z.infer<typeof imageLoadResult>;

/** What decides which images are loaded, of every step that loads them. */
export const imageLoadInputs = ({
  payload,
  imagesFrom,
  entitlements,
}: Pick<StepContext, 'payload' | 'imagesFrom' | 'entitlements'>) => ({
  payload: payload.digest,
  imagesFrom,
  entitlements: [...entitlements].sort(),
});

/** Which of the release's images are missing on this host. Read-only. */
export async function planImageLoad(ctx: StepContext): Promise<ImageLoadPlan> {
  const plan = await imagePlan(ctx);
  const missing = plan.images.filter(({ action }) => action !== 'none');
  return {
    action: 'run',
    summary:
      `load ${missing.length} of ${counted(plan.images.length, 'image')}, ` +
      `${formatBytes(plan.missingBytes)} missing on this host`,
    images: plan,
  };
}

/** Each image with its action and its source. Read-only. */
export async function previewImageLoad(ctx: StepContext, signal: AbortSignal): Promise<Preview> {
  const plan = await imagePlan(ctx, signal);
  const { images, missingBytes, unpackedBytes } = plan;
  const refreshed = ctx.refreshArchives ? archivesToRefresh(ctx) : [];
  const onDisk = ctx.imagesFrom !== 'payload';
  // Archives that are written again are the source then.
  const sourceOf = ({ source, archive }: PlannedImage) =>
    source?.path ?? (refreshed.length > 0 && onDisk ? join(ctx.paths.folder, archive) : 'payload');
  const sources =
    refreshed.length > 0 && onDisk
      ? [{ path: 'the archives written again', images: named(images, 'load'), bytes: missingBytes }]
      : plan.sources;
  const [toLoad, toName, there] = (['load', 'tag', 'none'] as const).map((action) => named(images, action));
  return {
    brief:
      `${counted(toLoad?.length ?? 0, 'image')} to load ` +
      `(${formatBytes(missingBytes)}), ${there?.length ?? 0} already ` +
      'present',
    details: [
      ...refreshed.map(({ path, size }) => `write ${path} again, ${formatBytes(size)}`),
      ...sources.flatMap(({ path, images: names, bytes }) => [
        `${formatBytes(bytes)} from ${path ?? 'the payload'}:`,
        ...names.map((name) => `  ${name}`),
      ]),
      ...(missingBytes === 0 ? [] : [`${formatBytes(unpackedBytes)} more when unpacked`]),
      ...(toName ?? []).map((name) => `present under another name, gets its own: ${name}`),
      ...(there ?? []).map((name) => `already present: ${name}`),
      ...plan.warnings.map((line) => `! ${line}`),
    ],
    data: {
      images: images.map((image) => ({
        name: image.name,
        configDigest: image.configDigest,
        action: image.action,
        source: image.action === 'load' ? sourceOf(image) : null,
      })),
      sources: sources.map(({ path, images: names, bytes }) => ({
        source: path ?? 'payload',
        images: [...names],
        bytes,
      })),
      missingBytes,
      unpackedBytes,
      refreshedArchives: refreshed.map(({ path }) => path),
    },
  };
}

const named = (images: readonly PlannedImage[], action: PlannedImage['action']) =>
  images.filter((image) => image.action === action).map(({ name }) => name);

function imagePlan(ctx: StepContext, signal?: AbortSignal, refreshed = false): Promise<ImagePlan> {
  const { containerd, index, product, entitlements, imagesFrom, paths } = ctx;
  const refreshLater = ctx.refreshArchives && !refreshed;
  return planImages({
    containerd,
    wanted: wantedImages(index, product, entitlements),
    index,
    // Archives that will be written again are not a source before that.
    from: refreshLater ? 'payload' : imagesFrom,
    folder: paths.folder,
    command: ctx.program,
    product,
    signal,
  });
}

/**
 * Loads what is missing, after checking the free space. Images of releases before the installed one are let
 * go, unless it `keepsAll`.
 */
export async function loadMissingImages(
  ctx: StepContext,
  io: StepIo,
  { images }: ImageLoadPlan,
  { keepsAll = false } = {},
): Promise<ImageLoadResult> {
  const { containerd, payload, product, to } = ctx;
  const refreshedArchives = ctx.refreshArchives ? await refreshArchives(ctx, io) : [];
  // The plan did not know the archives that were written again since.
  const plan = ctx.refreshArchives ? await imagePlan(ctx, io.signal, true) : images;
  plan.warnings.forEach((line) => io.warn(line));
  await assertRoomForImages(ctx, plan);
  const loaded = await loadImages(plan, {
    containerd,
    payload,
    product: product.name,
    version: to,
    signal: io.signal,
    onMidway: () => io.checkpoint('half-loaded'),
    keepVersions: ctx.from === null ? [] : [ctx.from],
    keepsAll,
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

/**
 * Throws when an image of an earlier load, or its name, is missing in containerd's store: kubelet finds it by
 * name.
 */
export async function verifyImages({ containerd }: StepContext, { images }: ImageLoadResult): Promise<void> {
  const there = new Map((await containerd.runtimeImages()).map((image) => [image.id, image]));
  for (const { name, configDigest } of images) {
    const image = there.get(configDigest);
    if (image === undefined || !namesOf(image).includes(name)) {
      throw new IvaapError('failed', `the image ${name} is not in containerd's store`);
    }
  }
}

/** New layers are stored compressed and also unpacked. */
export async function assertRoomForImages(ctx: StepContext, plan: ImagePlan): Promise<void> {
  const needed = plan.missingBytes + plan.unpackedBytes;
  const place = await imageStore(ctx);
  const room = await roomAt(place);
  if (needed <= room.freeBytes) return;
  throw new IvaapError(
    'failed',
    `the new image layers need ${formatBytes(needed)} on ` +
      `${room.mountPoint}, and ${formatBytes(room.freeBytes)} are free`,
    { hint: `df -h ${shellWord(room.mountPoint)}` },
  );
}

/** The release's archives on disk: the core's and those of the connectors that the licence grants. */
function archivesToRefresh({ index, paths, product, entitlements }: StepContext) {
  const wanted = wantedArchives(product, entitlements);
  return index.archives
    .filter(({ name }) => wanted.includes(name))
    .map((archive) => ({ ...archive, path: join(paths.folder, archive.name) }));
}

async function refreshArchives(ctx: StepContext, io: StepIo): Promise<string[]> {
  const written: string[] = [];
  const reserve = await DiskReserve.at(ctx.paths.folder, ctx.product.reserve);
  for (const { path, name, size } of archivesToRefresh(ctx)) {
    const target = { path, replaces: undefined };
    const source = await payloadFile(ctx.payload, name);
    await reserve.during(io.signal, (signal) =>
      extractToFile(source, target, {
        signal,
        onBytes: (done) => io.progress({ done, total: size, unit: 'bytes', note: name }),
      }),
    );
    written.push(path);
  }
  return written;
}
