import { stat } from 'node:fs/promises';
import { SpecError } from './spec-file.ts';

/** What a file system says of files, by path: another inode, size or time of writing means other bytes. */
export type SourceStamps = ReadonlyMap<string, string>;

export async function stampSources(paths: Iterable<string>): Promise<SourceStamps> {
  const stamps = [...new Set(paths)].map(async (path): Promise<[string, string]> => {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [path, `${dev} ${ino} ${size} ${mtimeNs}`];
  });
  return new Map(await Promise.all(stamps));
}

/**
 * A blob is read for itself and for each archive that it is in: all of them have to read the same. Throws
 * {@link SpecError}.
 */
export async function refuseChanged(before: SourceStamps): Promise<void> {
  const now = await stampSources(before.keys());
  for (const [path, stamp] of before)
    if (now.get(path) !== stamp) throw new SpecError(`${path} was changed while it was packed; pack again`);
}
