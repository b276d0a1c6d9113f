import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isBelow } from './below.ts';
import { isMountPoint, resolvedPath, unescapeMount } from './mounts.ts';
import { readRegularText } from './regular-file.ts';
import { asRoot, shellWord, sudo } from '../shell-word.ts';

/** A file system that this host is told to mount, and where it is told. */
export interface ToldMount {
  point: string;
  /** `/etc/fstab`, or the file of a unit of systemd. */
  toldIn: string;
  /** Mounts it. */
  command: string;
}

const fstab = '/etc/fstab';

/** Where people put units of their own; what systemd makes of /etc/fstab is in none of them. */
const unitFolders = ['/etc/systemd/system', '/usr/local/lib/systemd/system', '/run/systemd/system'];

/** All that are told, whether they are mounted now or not. */
export async function toldMounts(): Promise<ToldMount[]> {
  const units = await Promise.all(unitFolders.map(mountUnits));
  return [...(await fstabMounts()), ...units.flat()].filter(({ point }) => point !== '/');
}

/**
 * What is told to be mounted on the way to a path, or at the path itself, and is not: an empty folder says
 * nothing there, and what is written goes to another disk. Links on the way are followed.
 */
export async function missingMount(path: string): Promise<ToldMount | undefined> {
  const ways = new Set([path, resolvedPath(path)]);
  const onWay = ({ point }: ToldMount) => [...ways].some((way) => isBelow(way, point));
  return (await toldMounts()).find((one) => onWay(one) && !isMountPoint(one.point));
}

async function fstabMounts(): Promise<ToldMount[]> {
  const text = await readRegularText(fstab).catch(() => '');
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => told(unescapeMount(line.trim().split(/\s+/)[1] ?? ''), fstab));
}

async function mountUnits(folder: string): Promise<ToldMount[]> {
  const names = (await readdir(folder).catch((): string[] => [])).sort();
  const read = names
    .filter((name) => name.endsWith('.mount'))
    .map(async (name) => {
      const path = join(folder, name);
      // A masked one is a link to a device.
      const text = await readRegularText(path).catch(() => '');
      const where = /^[ \t]*Where[ \t]*=[ \t]*"?([^"\r\n]*?)"?[ \t]*\r?$/m.exec(text)?.[1] ?? '';
      const point = where.replaceAll(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      return told(point, path, `${sudo.systemctl} start ${shellWord(name)}`);
    });
  return (await Promise.all(read)).flat();
}

function told(where: string, toldIn: string, command?: string): ToldMount[] {
  if (!where.startsWith('/')) return [];
  const point = where === '/' ? where : where.replace(/\/+$/, '');
  return [{ point, toldIn, command: command ?? asRoot(`mount ${shellWord(point)}`) }];
}

/** Why a folder cannot be looked at without its disk, and how to have it back. */
export const notMounted = (what: string, { point, toldIn, command }: ToldMount) => ({
  why: `the disk of ${what} is not mounted: ${toldIn} mounts it at ${point}`,
  hint:
    `${command}\nWhere that disk is gone for good, ` +
    (toldIn === fstab ? `delete its line of ${fstab} first` : `delete ${toldIn} first`),
});
