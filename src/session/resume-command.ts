import { readlink } from 'node:fs/promises';
import type { RunRecord } from '../engine/state.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** Path of the running executable; a file that replaced it has the same path. */
export async function ownBinary({ payload }: { payload: Payload }): Promise<string> {
  const path = await readlink(payload.path).catch(() => process.execPath);
  return path.replace(/ \(deleted\)$/, '');
}

/** Flags that would start another run. */
const without = ['--reapply', '--supersede'];

/** The typed command, to resume the run. */
export const commandHere = (again: Again): string => again({ without });

/** The same from any shell and folder. */
export const commandFromAnyFolder = (again: Again, program: string): string =>
  again({ program, anywhere: true, without });

type Resumed = Pick<RunRecord, 'flow' | 'binary' | 'again' | 'rollbacks'>;

/**
 * The command that resumes a run; records of older programs do not have the typed command. After a
 * rollback it is not the one that was typed: what that one was answered is recorded.
 */
export function resumeCommand({ flow, binary, again, rollbacks = [] }: Resumed): string {
  if (rollbacks.length > 0) return asRoot(`${shellWord(binary)} install --resume`);
  const command =
    {
      upgrade: 'install --upgrade',
      rehearse: 'install --upgrade --rehearse',
      uninstall: 'uninstall',
      restore: 'restore',
    }[flow] ?? 'install';
  return asRoot(again ?? `${shellWord(binary)} ${command}`);
}
