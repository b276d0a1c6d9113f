import { readFile } from 'node:fs/promises';
import { roomAt } from '../../host/mounts.ts';
import { DiskReserve } from '../../host/reserve.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { columns } from '../../ui/format.ts';
import type { Collector } from '../collector.ts';

export const disk: Collector = {
  id: 'disk',
  title: 'Disks and memory',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { paths, product } = ctx.opened;
    const { requirements, database, reserve } = product;
    const due = new Set([
      '/',
      paths.folder,
      paths.backups,
      database.volume.defaultPath,
      ...requirements.upgrade.room.map(({ path }) => path),
    ]);
    const asked = await Promise.allSettled(
      [...due].map(async (path) => {
        const { keptBytes } = await DiskReserve.at(path, reserve);
        return { path, room: await roomAt(path), reserveBytes: keptBytes };
      }),
    );
    const rooms = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    ctx.facts.rooms = rooms;
    const rows = rooms.map(({ path, room }) => [
      path,
      room.mountPoint,
      `${formatBytes(room.freeBytes)} free`,
      `of ${formatBytes(room.totalBytes)}`,
      room.freeFiles === undefined ? '' : `${room.freeFiles} inodes free`,
    ]);
    ctx.add('room.txt', columns(rows).join('\n'));
    ctx.add('mounts.txt', await readFile('/proc/self/mounts', 'utf8'));
    ctx.add('memory.txt', await readFile('/proc/meminfo', 'utf8'));
    // A folder that this user may not enter says nothing of the other disks.
    for (const one of asked) if (one.status === 'rejected') throw one.reason;
  },
};
