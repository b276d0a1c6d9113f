import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IvaapError } from '../../errors.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../host/atomic-file.ts';
import { linkAtomic } from '../../host/atomic-link.ts';
import { cloneExecutable, copyExecutable } from '../../host/copy-executable.ts';
import { DiskReserve } from '../../host/reserve.ts';
import { operator } from '../../host/system.ts';
import { openPayload } from '../../payload/open-payload.ts';
import { assertIntact, scanPayload } from '../../payload/scan.ts';
import { activeName, pathNames, pathPlaces } from '../../policy/path-names.ts';
import { byteTask } from '../../queries/byte-task.ts';
import { type Activation, writeActivation } from '../../release/activation-record.ts';
import { findOnPath } from '../../release/remove-from-path.ts';
import type { Session } from '../../session/session.ts';
import type { ExecutablePlan } from './executable.ts';
import type { ActivationPlan } from './plan.ts';

/**
 * Carries a plan out, under the lock. Whatever instant it is killed at, the names on PATH lead to the old
 * executable or to the new one, the record names all that is there, and the same call continues.
 * `agreeToCopy` throws where a whole copy is needed and was not agreed to.
 */
export async function placeOnPath(
  session: Session,
  plan: ActivationPlan,
  agreeToCopy: () => Promise<void>,
): Promise<Activation> {
  const { before } = plan;
  const { product, paths } = session;
  const { folder, active } = pathPlaces(product);
  const record = recordOf(session, plan);
  const missing = missingFolders([folder, ...plan.files.map(({ path }) => dirname(path))]);
  const folders = [...new Set([...record.folders, ...missing])];
  const { executable } = plan.executable;
  const isCopy = plan.executable.how !== 'link';
  // First what may come to be; what was there before stays in it until it is gone.
  await writeActivation(paths.activation, {
    ...record,
    complete: false,
    files: [...new Set([...(before?.files ?? []), ...record.files])],
    copies: [...new Set([...(before?.copies ?? []), ...(isCopy ? [executable] : [])])],
    folders,
  });
  for (const path of missing) await makeFolder(path);
  const how = await placeExecutable(session, plan.executable, agreeToCopy);
  for (const name of Object.values(pathNames(product))) await linkAtomic(join(folder, name), activeName);
  // From here on every name is the new executable.
  await linkAtomic(active, executable);
  // Minutes may have passed since the plan was made: only what it has seen is replaced.
  for (const { path, text, mode, found } of plan.files) await writeFileAtomic(path, text, { mode, found });
  const copies = await removeStale(session, plan);
  const placed = { ...record, how, copies, folders };
  await writeActivation(paths.activation, placed);
  return placed;
}

function recordOf(
  { product, release, payload }: Session,
  { executable, files, before }: ActivationPlan,
): Activation {
  // Run from its own copy: it stays what it was.
  const same = before?.executable === executable.executable ? before : undefined;
  return {
    schema: { major: 1, minor: 0 },
    product: product.name,
    version: release.version,
    payloadDigest: payload.digest,
    how: same?.how ?? executable.how,
    executable: executable.executable,
    source: same?.source ?? executable.source,
    complete: true,
    at: new Date().toISOString(),
    by: operator().user,
    files: files.map(({ path }) => path),
    copies: [],
    folders: before?.folders ?? [],
  };
}

/** Those that do not exist, outermost first. */
function missingFolders(wanted: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const folder of wanted) for (let at = folder; !existsSync(at); at = dirname(at)) missing.add(at);
  return [...missing].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

async function placeExecutable(
  session: Session,
  plan: ExecutablePlan,
  agreeToCopy: () => Promise<void>,
): Promise<Activation['how']> {
  if (plan.how === 'link') return 'link';
  const { payload, signal, product } = session;
  const { executable, sizeBytes } = plan;
  const isSamePackage = async (path: string) => {
    const copied = await openPayload(path);
    try {
      if (copied.digest !== payload.digest)
        throw new IvaapError('failed', `${path} is not the package that was copied`, {
          hint: session.again(),
        });
      return await scanPayload(copied, { signal }).then((result) => assertIntact(copied, result));
    } finally {
      await copied.close();
    }
  };
  const isThere = await isSamePackage(executable).then(
    () => true,
    () => (signal.throwIfAborted(), false),
  );
  if (isThere) return plan.how;
  if (
    plan.how === 'reflink' &&
    (await cloneExecutable(payload.path, executable, { signal, verify: isSamePackage }))
  )
    return 'reflink';
  await agreeToCopy();
  const reserve = await DiskReserve.at(dirname(executable), product.reserve);
  const title = `copying ${sizeBytes} bytes to ${executable}`;
  const task = byteTask(session.report, { task: 'copy', title, total: sizeBytes });
  await task.during(() =>
    copyExecutable(payload.path, executable, {
      signal,
      verify: isSamePackage,
      reserve,
      onBytes: task.progress,
    }),
  );
  return 'copy';
}

/**
 * Removes what an earlier activation has put there and this one has not: files under other names, executables
 * that nothing needs any more. Returns the copies that are there.
 */
async function removeStale(
  { product, paths }: Session,
  { files, executable, state }: ActivationPlan,
): Promise<string[]> {
  const { folder, active } = pathPlaces(product);
  const found = await findOnPath({ product, paths });
  const wanted = new Set(files.map(({ path }) => path));
  // Each of them has our seal, whether or not its record could be read.
  for (const path of found.files.filter((one) => !wanted.has(one))) {
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  }
  // The state names executables that go back to their release.
  const named = JSON.stringify(state);
  const isNeeded = (path: string) => path === executable.executable || named.includes(JSON.stringify(path));
  const links = new Set([active, ...Object.values(pathNames(product)).map((name) => join(folder, name))]);
  const stale = [
    ...found.copies.filter((one) => !isNeeded(one)),
    ...found.links.filter((one) => !links.has(one)),
  ];
  for (const path of stale) await rm(path, { force: true });
  return found.copies.filter(isNeeded);
}
