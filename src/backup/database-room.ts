import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { claimVolume } from '../host/claim-volume.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { roomAt } from '../host/mounts.ts';
import type { Postgres } from '../host/postgres.ts';
import { reserveOf, usualLimits } from '../host/reserve.ts';
import { known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { shellWord } from '../shell-word.ts';

/** Where the server keeps the database, and what is free there. */
interface DataRoom {
  /** As it is named to people. */
  place: string;
  freeBytes: number;
  totalBytes: number;
  /** A folder of this host that `df` takes; undefined where the volume has none. */
  path: string | undefined;
}

interface RoomContext {
  database: Postgres;
  kubectl: Pick<Kubectl, 'get'>;
  product: Product;
}

const folderQuery = `SELECT coalesce(nullif(pg_tablespace_location(dattablespace), ''), current_setting('data_directory'))
  FROM pg_database WHERE datname = current_database()`;

/**
 * Throws 'failed' where the server's disk has no room for another copy of so many bytes beside its log, and
 * where its room is not known: a full disk there stops the live database.
 */
export async function assertRoomForCopy(
  ctx: RoomContext,
  copyBytes: number,
  signal?: AbortSignal,
): Promise<void> {
  const room = await dataRoom(ctx, signal);
  const again = 'then run the same command again';
  if (room === undefined) {
    throw new IvaapError('failed', "the free space on the database's disk is not known", {
      hint: `look why the database's pod does not tell it, ${again}`,
    });
  }
  // Its indexes are built with files of their own beside them.
  const copy = Math.round(copyBytes * 1.1);
  const kept = reserveOf(room.totalBytes, ctx.product.reserve ?? usualLimits);
  if (copy + kept <= room.freeBytes) return;
  throw new IvaapError(
    'failed',
    `not enough free space for a second copy of the database at ${room.place}: ` +
      `${formatBytes(room.freeBytes)} are free; needed are about ${formatBytes(copy)} for the copy and ` +
      `${formatBytes(kept)} reserved for the database`,
    { hint: `free some space (df -h ${shellWord(room.path ?? '/')}), ${again}` },
  );
}

async function dataRoom(ctx: RoomContext, signal?: AbortSignal): Promise<DataRoom | undefined> {
  const path = await known(hostPath(ctx, signal));
  const folder = path.known ? path.value : undefined;
  const [[data = ''] = []] = await ctx.database.query(folderQuery, signal);
  const asked = await known(
    ctx.database.inPod(['df', '-Pk', data], { timeoutMs: 20_000, ...(signal && { signal }) }),
  );
  const line = asked.known ? (asked.value.stdout.trimEnd().split('\n').at(-1) ?? '') : '';
  const [, total = '', , free = ''] = line.split(/\s+/);
  const place = `${foreign(data)} in the database's pod${folder === undefined ? '' : ` (${folder})`}`;
  if (/^\d+$/.test(total) && /^\d+$/.test(free)) {
    return { place, totalBytes: Number(total) * 1024, freeBytes: Number(free) * 1024, path: folder };
  }
  if (folder === undefined) return undefined;
  const { freeBytes, totalBytes } = await roomAt(folder);
  return { place, freeBytes, totalBytes, path: folder };
}

/** Folder of this host behind the database's claim. */
async function hostPath({ kubectl, product }: RoomContext, signal?: AbortSignal) {
  const { namespace, database } = product;
  const { claim, persistentVolume: otherwise } = database.volume;
  const found = await claimVolume(kubectl, { namespace, claim, otherwise }, signal);
  return found.claim?.spec?.volumeName ? found.path : undefined;
}
