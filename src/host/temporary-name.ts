import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';

/** Room for the process id and the rest of the name within the 255 bytes that most file systems allow. */
const longestBase = 200;

/** The target's name, cut where the temporary name would get too long although the target's is not. */
function baseOf(path: string): string {
  let base = '';
  for (const character of basename(path)) {
    if (Buffer.byteLength(base + character) > longestBase) break;
    base += character;
  }
  return base;
}

/** A hidden name for what will get the name of `path`: it tells which process writes it. */
export const temporaryName = (path: string, ending: string): string =>
  `.${baseOf(path)}.${process.pid}-${randomBytes(4).toString('hex')}.${ending}`;

/** Whether some process made the name for what it was writing, whatever that was. */
export const isTemporaryName = (name: string, ending: string): boolean =>
  name.endsWith(`.${ending}`) && /^\..+\.\d+-[0-9a-f]{8}$/.test(name.slice(0, -ending.length - 1));

/** The process that made a temporary name for `path`; undefined of any other name. */
export function writerOf(path: string, name: string, ending: string): string | undefined {
  const prefix = `.${baseOf(path)}.`;
  if (!name.startsWith(prefix) || !name.endsWith(`.${ending}`)) return undefined;
  return /^(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length, -ending.length - 1))?.[1];
}
