import { homedir } from 'node:os';
import { join } from 'node:path';

const home = (variable: string, fallback: string) =>
  join(process.env[variable] ?? join(homedir(), fallback), 'ivaap');

/**
 * What can be made again: built programs, packed images. Visible, read-only, at the same path in every host.
 */
export const cacheFolder = home('XDG_CACHE_HOME', '.cache');
export const programsFolder = join(cacheFolder, 'lab/programs');

const stateFolder = join(home('XDG_STATE_HOME', '.local/state'), 'lab');
/** An XFS file that all disks are on: a copy of a disk shares its blocks. Mounted while there is a host. */
export const storeFile = join(stateFolder, 'store.img');
export const storeFolder = join(stateFolder, 'store');
export const hostsFolder = join(stateFolder, 'hosts');
export const lockFolder = join(stateFolder, 'lock');

export const hostFolder = (name: string) => join(hostsFolder, name);
export const hostImages = (name: string) => join(storeFolder, 'hosts', name);
export const snapshotFolder = (name: string) => join(storeFolder, 'snapshots', name);
export const cgroupName = (name: string) => `ivaap-lab-${name}`;
