import { formatBytes } from './format-bytes.ts';
import type { Measurement } from './preflight-report.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** Free room that a path must have, in bytes. */
export interface RoomNeed {
  path: string;
  bytes: number;
  /** New files and folders; none where it is absent. */
  files?: number;
  why: string;
}

/** `fileSystem` is equal for paths on the same file system: their needs are added up. */
export interface MeasuredRoom {
  path: string;
  fileSystem: string;
  mountPoint: string;
  freeBytes: number;
  /** Inodes; undefined where the file system makes them as they are needed. */
  freeFiles?: number;
}

const sum = (needs: readonly RoomNeed[]) => needs.reduce((total, { bytes }) => total + bytes, 0);

/**
 * One measurement a file system: the product's floors or what is really missing, whichever is more. A path
 * that was not measured fails.
 */
export function judgeRoom(
  floors: readonly RoomNeed[],
  missing: readonly RoomNeed[],
  measured: readonly MeasuredRoom[],
): Measurement[] {
  const found = (path: string) => measured.find((room) => room.path === path);
  const keyOf = (path: string) => found(path)?.fileSystem ?? `unmeasured ${path}`;
  const keys = new Set([...floors, ...missing].map(({ path }) => keyOf(path)));
  return [...keys].map((key) => {
    const onIt = (needs: readonly RoomNeed[]) =>
      needs.filter(({ path, bytes }) => bytes > 0 && keyOf(path) === key);
    const [floor, really] = [onIt(floors), onIt(missing)];
    const decisive = sum(really) > sum(floor) ? really : floor;
    const needed = sum(decisive);
    const any = [...floors, ...missing].find(({ path }) => keyOf(path) === key);
    const room = any === undefined ? undefined : found(any.path);
    const mountPoint = room?.mountPoint ?? any?.path ?? key;
    const parts = decisive.map(({ path, bytes, why }) => `${formatBytes(bytes)} in ${path} (${why})`);
    const enough = room !== undefined && room.freeBytes >= needed;
    const files = missing
      .filter(({ path }) => keyOf(path) === key)
      .reduce((total, need) => total + (need.files ?? 0), 0);
    if (enough && room.freeFiles !== undefined && room.freeFiles < files) {
      return {
        part: mountPoint,
        outcome: 'fail',
        measured: `${room.freeFiles} inodes free on ${mountPoint}, regardless of free space`,
        limit: `${files} needed for new files and folders`,
        fix:
          `df -i ${shellWord(mountPoint)}; ${asRoot(`find ${shellWord(mountPoint)}`)} ` +
          "-xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail",
        data: { freeFiles: room.freeFiles, neededFiles: files },
      };
    }
    return {
      part: mountPoint,
      outcome: enough ? 'ok' : 'fail',
      measured:
        room === undefined
          ? `the free space of ${mountPoint} could not be measured`
          : `${formatBytes(room.freeBytes)} free on ${mountPoint}`,
      limit: `${formatBytes(needed)} needed${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`,
      fix: `free space on it (df -h ${shellWord(mountPoint)}), or use a larger disk`,
      data: {
        freeBytes: room?.freeBytes ?? null,
        neededBytes: needed,
        floorBytes: sum(floor),
        missingBytes: sum(really),
      },
    };
  });
}
