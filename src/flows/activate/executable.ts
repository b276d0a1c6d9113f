import { fstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { causeChain } from '../../errors.ts';
import { mayShareBlocks, whyNotLasting } from '../../host/lasting-file.ts';
import { roomAt } from '../../host/mounts.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import { selfPath } from '../../payload/open-payload.ts';
import type { Payload } from '../../payload/reader.ts';
import { pathPlaces } from '../../policy/path-names.ts';
import { ownBinary } from '../../session/resume-command.ts';
import type { Session } from '../../session/session.ts';

/** How the names on PATH get their executable. */
export type ExecutablePlan =
  | { how: 'link'; executable: string }
  | {
      how: 'reflink' | 'copy';
      /** Where the copy goes. */
      executable: string;
      /** Why the file itself cannot be linked to. */
      because: string;
      sizeBytes: number;
      freeBytes: number;
      mountPoint: string;
      /** A whole copy of this package is there from an earlier time. */
      isThere: boolean;
    };

/**
 * A link where the file is root's, below folders that only root may write, and will be there tomorrow; else a
 * copy that shares its blocks, else a whole copy.
 */
export async function planExecutable(session: Session): Promise<ExecutablePlan & { source: string }> {
  const { payload, product, release } = session;
  const { folder } = pathPlaces(product);
  const source = payload.path === selfPath ? await ownBinary(session) : payload.path;
  const { measuredAt, freeBytes, mountPoint } = await roomAt(folder);
  const because = await whyNotLinked(payload, source, measuredAt);
  if (because === undefined) return { how: 'link', executable: source, source };
  const name = `${product.command}-${release.version}-${payload.digest.slice(0, 12)}`;
  const executable = join(folder, name);
  const info = statSync(executable, { throwIfNoEntry: false });
  const shares = isOurFile(payload, source) && mayShareBlocks(source, measuredAt);
  return {
    how: shares ? 'reflink' : 'copy',
    executable,
    source,
    because,
    sizeBytes: fstatSync(payload.descriptor).size,
    freeBytes,
    mountPoint,
    isThere: info?.isFile() === true && info.size === fstatSync(payload.descriptor).size,
  };
}

async function whyNotLinked(payload: Payload, source: string, folder: string): Promise<string | undefined> {
  if (!isOurFile(payload, source)) return `${source} has been moved or replaced since it was started`;
  try {
    await assertSafePath(source);
  } catch (error) {
    return causeChain(error)[0];
  }
  const why = whyNotLasting(source, folder);
  return why === undefined ? undefined : `${source} may be away tomorrow: ${why}`;
}

/** Whether the path leads to the very file that runs. */
function isOurFile({ descriptor }: Payload, path: string): boolean {
  const [ours, there] = [fstatSync(descriptor), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && there.dev === ours.dev && there.ino === ours.ino;
}
