import { existsSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { lastResult } from '../backup/step-results.ts';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable } from '../host/atomic-file.ts';
import { removeEmptyFolder } from '../host/remove-tree.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { assertSafePath } from '../host/safe-path.ts';
import type { InstallContext } from '../release/context.ts';
import {
  type FoundFolder,
  foundFolderSchema,
  foundIn,
  foundOriginal,
  foundOriginals,
  lookForFolder,
  removeMadeParents,
  restoreFolder,
} from '../release/found-folder.ts';
import { volumeOfClass } from '../release/database-volume.ts';
import { classClaimManifest, volumeManifests } from '../release/manifests.ts';
import { requireStorageClass } from '../release/storage-class.ts';
import { keptText } from '../policy/kept-text.ts';
import { assertOwnData } from '../release/our-data.ts';
import { removedDataName } from '../release/aside-folders.ts';
import { undoFolder } from '../release/undo-folder.ts';
import { claimStops, stopOf } from '../release/undo-stops.ts';
import { shellWord, sudo } from '../shell-word.ts';
import { secrets } from './secrets.ts';
import { compactTime } from '../policy/compact-time.ts';

const bindTimeoutMs = 60_000;

type Claim = KubeObject & {
  spec?: { volumeName?: string; storageClassName?: string };
  status?: { phase?: string };
};

const out = z.object({
  volume: z.object({
    claim: z.string(),
    /** Null for a volume of a StorageClass that is only made for the first pod. */
    persistentVolume: z.string().nullable(),
    /** Null on a volume of a StorageClass. */
    storagePath: z.string().nullable(),
    storageClass: z.string().optional(),
    claimUid: z.string().nullable(),
    /** How the place of the folder was found; absent in older records. */
    found: foundFolderSchema.optional(),
  }),
});

/**
 * The database's folder, volume and claim: the chart only mounts them, so no Helm operation can delete data.
 */
export const postgres: Step<InstallContext, z.infer<typeof out>> = {
  id: 'postgres',
  out,
  title: 'Create the database volume',
  needs: [secrets.id],
  revision: 1,
  inputs: ({ product, storagePath, storageClass }) => ({
    volume: { ...product.database.volume },
    ...(storageClass === undefined ? { storagePath } : { storageClass }),
  }),
  async plan({ product, storagePath, storageClass, keptData }) {
    const { claim } = product.database.volume;
    if (storageClass !== undefined)
      return { action: 'run', summary: `create the claim ${claim} with the StorageClass ${storageClass}` };
    if (keptData === undefined)
      return { action: 'run', summary: `create ${storagePath} and the claim ${claim} for it` };
    const { folder } = keptData;
    const used = `use the data kept in ${folder}: ${keptText(keptData)}`;
    return { action: 'run', summary: `${used}; create the claim ${claim} for them` };
  },

  async run(ctx, io) {
    if (ctx.storageClass !== undefined) return claimOfClass(ctx, ctx.storageClass, io);
    const { product, kubectl, storagePath, run, keptData } = ctx;
    const { uid, gid, claim, persistentVolume } = product.database.volume;
    if (keptData === undefined) await assertOwnData(kubectl, product, storagePath, run(), 'failed');
    await assertSafePath(storagePath.replace(/\/[^/]+$/, '') || '/', {
      mayBeMissing: true,
      isChosen: true,
    });
    const found = await foundBefore(ctx, io);
    await io.recordOriginal(foundOriginal(storagePath, found));
    await io.record({ found });
    await makeFolder(storagePath, 0o700);
    await chown(storagePath, uid, gid);
    await io.checkpoint('folder-made');
    await kubectl.apply(volumeManifests(product, storagePath));
    const bound = await settledClaim(ctx, isBound(product), io.signal);
    return {
      volume: { claim, persistentVolume, storagePath, claimUid: bound.metadata.uid ?? null, found },
    };
  },

  async verify(ctx) {
    const { product, storageClass } = ctx;
    const found = await readClaim(ctx);
    const settled = storageClass === undefined ? isBound(product) : await isOfClass(ctx, storageClass);
    if (settled(found)) return;
    throw new IvaapError(
      'failed',
      `the claim ${product.database.volume.claim} is ${found?.status?.phase ?? 'missing'}`,
    );
  },

  undo: {
    destructive: true,
    // With the data went what Helm had changed for good; what lies in their place now is nobody's of us.
    forgets: { pointOfNoReturn: true, originals: [foundOriginals] },

    async plan(ctx) {
      const { product } = ctx;
      const { claim, persistentVolume } = product.database.volume;
      const { signal } = new AbortController();
      const [ofClaim, ofVolume, folder, ofClass, users] = await Promise.all([
        stopOf(ctx, 'persistentvolumeclaim', claim, product.namespace),
        stopOf(ctx, 'persistentvolume', persistentVolume),
        undoFolder(ctx, postgres),
        volumeOfClass(ctx),
        claimStops(ctx, signal),
      ]);
      const { path, how } = folder;
      return {
        removes: [
          ...(ofClaim.there ? [`the claim ${claim}`] : []),
          ...(ofVolume.there ? [`the volume ${persistentVolume}`] : []),
          ...(how === 'empty' ? [`the empty folder ${path}`] : []),
        ],
        keeps: [
          ...(how === 'data' ? [`the data: ${path} is renamed to ${path}.removed-TIME, not deleted`] : []),
          ...ofClass.keeps,
        ],
        stops: [
          ...[ofClaim.stop, ofVolume.stop].flatMap((stop) => stop ?? []),
          ...folder.stops,
          ...ofClass.stops,
          ...users,
        ],
      };
    },

    async run(ctx, io) {
      const { kubectl, product } = ctx;
      const { claim, persistentVolume } = product.database.volume;
      const folder = await undoFolder(ctx, postgres);
      const moved = z
        .object({ from: z.string(), to: z.string() })
        .safeParse(io.interrupted?.removedData).data;
      const known = moved ?? (folder.how === 'data' ? asideOf(folder.path, ctx.now()) : undefined);
      // Recorded first: once the volume is gone, nothing else says whose the folder was.
      if (known !== undefined) await io.record({ removedData: known });
      else if (folder.how === 'empty') await io.record({ emptyFolder: folder.path });
      // Waits for the pods that use it.
      await kubectl.delete('persistentvolumeclaim', claim, { namespace: product.namespace });
      await kubectl.delete('persistentvolume', persistentVolume);
      await io.checkpoint('volume-deleted');
      const empty = io.interrupted?.emptyFolder ?? (folder.how === 'empty' ? folder.path : undefined);
      const { before, path } = folder;
      const wasThere = before?.path === path;
      if (known === undefined) {
        if (wasThere && folder.how === 'others') await restoreFolder(before);
        if (typeof empty !== 'string') return {};
        if ((await removeEmptyFolder(empty)) && before !== undefined)
          await removeMadeParents(empty, before.path);
        return {};
      }
      if (existsSync(known.from) && !existsSync(known.to)) await renameDurable(known.from, known.to);
      if (wasThere) await restoreFolder(before);
      io.warn(`the database's folder was not deleted: it is ${known.to} now`);
      return { removedData: known };
    },

    async verify({ kubectl, product }, { removedData }) {
      const { claim, persistentVolume } = product.database.volume;
      const found =
        (await readClaim({ kubectl, product })) ?? (await kubectl.get('persistentvolume', persistentVolume));
      if (found !== undefined) {
        throw new IvaapError('failed', `${found.kind} ${found.metadata.name} still exists`, {
          hint: `${sudo.kubectl} describe pvc ${claim} -n ${product.namespace}`,
        });
      }
      const { to } = (removedData ?? {}) as { to?: string };
      if (to === undefined || existsSync(to)) return;
      throw new IvaapError('failed', `${to} is missing: the database's folder was renamed to it`, {
        hint: `ls -ld ${shellWord(to)}*`,
      });
    },
  },
};

/** Before any attempt of ours: an uninstall leaves the place so again. */
async function foundBefore({ storagePath, run, keptData }: InstallContext, io: StepIo): Promise<FoundFolder> {
  const cutOff = foundFolderSchema.safeParse(io.interrupted?.found).data;
  const earlier = lastResult(run(), postgres)?.volume;
  const known = earlier?.storagePath === storagePath ? earlier.found : undefined;
  const original = foundIn(io.originals, storagePath);
  return cutOff ?? known ?? original ?? keptData?.foundFolder ?? lookForFolder(storagePath);
}

/** A free name beside the folder. */
function asideOf(path: string, now: Date): { from: string; to: string } {
  const first = removedDataName(path, compactTime(now));
  let to = first;
  for (let count = 2; existsSync(to); count += 1) to = `${first}-${count}`;
  return { from: path, to };
}

/** The provisioner of the class makes the volume, some only for the first pod that mounts the claim. */
async function claimOfClass(ctx: InstallContext, storageClass: string, io: StepIo) {
  const { kubectl, product } = ctx;
  await kubectl.apply([classClaimManifest(product, storageClass)]);
  const found = await settledClaim(ctx, await isOfClass(ctx, storageClass), io.signal);
  const { claim } = product.database.volume;
  return {
    volume: {
      claim,
      persistentVolume: found.spec?.volumeName ?? null,
      storagePath: null,
      storageClass,
      claimUid: found.metadata.uid ?? null,
    },
  };
}

/** A class whose policy was changed meanwhile is refused again. */
async function isOfClass({ kubectl }: Bound, name: string) {
  const { waitsForPod } = await requireStorageClass(kubectl, name);
  return (claim: Claim | undefined): boolean =>
    claim?.spec?.storageClassName === name &&
    (claim.status?.phase === 'Bound' || (waitsForPod && claim.status?.phase === 'Pending'));
}

type Bound = Pick<InstallContext, 'kubectl' | 'product'>;

const readClaim = ({ kubectl, product }: Bound) =>
  kubectl.get<Claim>('persistentvolumeclaim', product.database.volume.claim, {
    namespace: product.namespace,
  });

const isBound =
  ({ database }: InstallContext['product']) =>
  (claim: Claim | undefined): boolean =>
    claim?.status?.phase === 'Bound' && claim.spec?.volumeName === database.volume.persistentVolume;

async function settledClaim(
  ctx: Bound,
  isSettled: (claim: Claim | undefined) => boolean,
  signal: AbortSignal,
): Promise<Claim> {
  const end = performance.now() + bindTimeoutMs;
  for (;;) {
    const claim = await readClaim(ctx);
    if (claim !== undefined && isSettled(claim)) return claim;
    if (performance.now() > end) {
      const { claim: name } = ctx.product.database.volume;
      throw new IvaapError(
        'failed',
        `the claim ${name} was not bound to its volume within ${bindTimeoutMs / 1000} s`,
        { hint: `${sudo.kubectl} describe pvc ${name} -n ${ctx.product.namespace}` },
      );
    }
    await sleep(500, undefined, { signal });
  }
}
