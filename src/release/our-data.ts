import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunRecord } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { missingMount, notMounted } from '../host/missing-mount.ts';
import type { Known } from '../known.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import type { Product } from '../payload/product-schema.ts';
import type { InstallContext } from './context.ts';
import { volumeOwner } from './ours.ts';

/** Whose the data are that lie in a folder. */

/** The folder's entries; undefined where there is no such folder. */
export async function entriesOf(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new IvaapError('usage', `${path} cannot be used as the database's folder`, {
      cause: error,
      hint: `ls -ld ${shellWord(path)}`,
    });
  }
}

/**
 * Whether a database may hold anything: on a volume of a class that only the pods can tell. A folder that is
 * away after Helm has started says nothing: its disk may be away with all data.
 */
export async function mayHoldData({
  storagePath,
  storageClass,
  install,
}: Pick<InstallContext, 'storagePath' | 'storageClass' | 'install'>): Promise<Known<boolean>> {
  const isStarted = install()?.pointOfNoReturn !== undefined;
  if (storageClass !== undefined) return { known: true, value: isStarted };
  const unmounted = await missingMount(storagePath);
  const entries = await entriesOf(storagePath);
  if ((entries ?? []).length > 0) return { known: true, value: true };
  if (!isStarted) return { known: true, value: false };
  if (unmounted !== undefined)
    return { known: false, ...notMounted(`the database's folder ${storagePath}`, unmounted) };
  if (entries !== undefined) return { known: true, value: false };
  const why = `the database's folder ${storagePath} does not exist`;
  return { known: false, why, hint: `ls -ld ${shellWord(dirname(storagePath))}` };
}

/** Where a run has made its volume, as it recorded that. */
export function recordedFolder(run: Readonly<Pick<RunRecord, 'steps'>> | undefined): string | undefined {
  const { out, earlier } = run?.steps['postgres'] ?? {};
  const { storagePath } = ((out ?? earlier)?.volume ?? {}) as { storagePath?: unknown };
  return typeof storagePath === 'string' ? storagePath : undefined;
}

/** Whether a folder is recorded as this install's: by its own record, or by its volume in the cluster. */
export async function isOurData(
  kubectl: Kubectl,
  product: Pick<Product, 'name' | 'command' | 'database'>,
  path: string,
  run: Readonly<Pick<RunRecord, 'steps'>> | undefined,
): Promise<boolean> {
  if (recordedFolder(run) === path) return true;
  const volume = await volumeOwner(kubectl, product, new AbortController().signal);
  if (!volume.known) throw new IvaapError('preflight', volume.why, { hint: volume.hint });
  return volume.value?.ours === true && volume.value.path === path;
}

/**
 * Throws `code` for a folder that holds data which are not recorded as this install's: an install never
 * takes over what somebody has put there.
 */
export async function assertOwnData(
  kubectl: Kubectl,
  product: Pick<Product, 'name' | 'command' | 'database'>,
  path: string,
  run: Readonly<Pick<RunRecord, 'steps'>> | undefined,
  /** Inside a step something was changed already: `failed`. */
  code: 'preflight' | 'failed',
): Promise<void> {
  const found = (await entriesOf(path)) ?? [];
  if (found.length === 0 || (await isOurData(kubectl, product, path, run))) return;
  throw new IvaapError(
    code,
    `the database's folder ${path} is not empty, and it is not recorded as this install's: ` +
      'it may hold the data of an earlier installation',
    {
      hint:
        'to keep what is there under another name: ' +
        asRoot(`mv ${shellWord(path)} ${shellWord(`${path}.kept`)}`),
    },
  );
}
