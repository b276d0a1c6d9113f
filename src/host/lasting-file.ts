import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { mountOf } from './mounts.ts';

/** File systems of a medium or of another machine, and those whose files end with the machine's session. */
const passing =
  /^(tmpfs|ramfs|iso9660|udf|vfat|msdos|exfat|ntfs3?|hfsplus|squashfs|erofs|nfs4?|cifs|smb3|9p|afs|ceph|glusterfs|virtiofs|autofs|fuse.*)$/;

/** Where desktops and services mount what somebody has plugged in. */
const pluggedIn = /^\/(media|run\/media|mnt)(\/|$)/;

/**
 * Why a file may be away tomorrow, or cannot be executed, although it is there now; undefined where nothing
 * says so. What is on the same file system as `folder` lasts as long as that.
 */
export function whyNotLasting(path: string, folder: string): string | undefined {
  const mount = mountOf(path);
  if (mount === undefined) return 'it is not there any more';
  const { mountPoint, fileSystem, options } = mount;
  if (options.includes('noexec')) return `${mountPoint} is mounted noexec`;
  if (mountPoint === mountOf(folder)?.mountPoint) return undefined;
  if (passing.test(fileSystem)) return `it is on ${mountPoint}, a file system of the kind ${fileSystem}`;
  if (pluggedIn.test(mountPoint)) return `it is on ${mountPoint}, where media are mounted`;
  return isRemovable(path) ? `it is on ${mountPoint}, a removable medium` : undefined;
}

/** Whether the kernel calls the disk removable, or the disk of the partition. */
function isRemovable(path: string): boolean {
  const device = statSync(path).dev;
  // As glibc's makedev packs them.
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const folder = `/sys/dev/block/${major}:${minor}`;
  return ['removable', '../removable'].some((name) => {
    try {
      return readFileSync(`${folder}/${name}`, 'utf8').trim() === '1';
    } catch {
      return false;
    }
  });
}

/** Whether a copy of the file in that folder could share its blocks; the attempt has the last word. */
export function mayShareBlocks(path: string, folder: string): boolean {
  const [from, to] = [mountOf(dirname(path)), mountOf(folder)];
  const kinds = /^(xfs|btrfs|bcachefs|ocfs2)$/;
  if (from === undefined || to === undefined || !kinds.test(to.fileSystem)) return false;
  return from.mountPoint === to.mountPoint || statSync(path).dev === statSync(folder).dev;
}
