import { readlink } from 'node:fs/promises';
import type { RunRecord } from '../engine/state.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import { shellWord } from '../shell-word.ts';

/** Path of the executable that runs; one that was replaced meanwhile lies under the same name. */
export async function ownBinary({ payload }: { payload: Payload }): Promise<string> {
  const path = await readlink(payload.path).catch(() => process.execPath);
  return path.replace(/ \(deleted\)$/, '');
}

/** What was typed, to go on with it from any shell and folder: not anew, and not over somebody else's run a second time. */
export const commandFromAnyFolder = (again: Again, program: string): string =>
  again({ program, anywhere: true, without: ['--reapply', '--supersede'] });

/** The command that goes on with a run; records of older programs do not say what was typed. */
export function resumeCommand({ flow, binary, again }: Pick<RunRecord, 'flow' | 'binary' | 'again'>): string {
  const command = flow === 'upgrade' ? 'install --upgrade' : 'install';
  return `sudo ${again ?? `${shellWord(binary)} ${command}`}`;
}
