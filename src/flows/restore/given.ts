import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { isUnfinished } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import { absolutePath } from '../../payload/absolute-path.ts';
import { back, type Prompter, type TextQuestion } from '../../policy/prompter.ts';
import { parseVersion, schemeOf } from '../../version.ts';
import { knownBackups } from '../../queries/backup-list.ts';
import { assertGivenFile, isNoted } from '../../queries/given-dump.ts';
import { recordedTarget } from '../../release/restore-record.ts';
import { readOwnState, stateIsThere } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import { unfinishedRestore } from '../unfinished-restore.ts';
import type { RestoreOptions } from './options.ts';

/**
 * What the argument names: a backup, or a file, whose path is `file` then. A backup wins over a file of its
 * name, also where its own dump is named. Of a file without a note a person is asked what it is of.
 */
export async function resolveArgument(session: Session, options: RestoreOptions): Promise<RestoreOptions> {
  const { backup } = options;
  // With --undo it is the name of a database.
  if (backup === undefined || options.undo || !stateIsThere(session.paths)) return options;
  const state = await readOwnState(session, session.program);
  const backups = await knownBackups(session, state);
  const isPath = backup.includes('/');
  if (!isPath && backups.some(({ entry }) => entry.name === backup)) return options;
  const begun = begunWith(state);
  const isBegun = !isPath && begun !== undefined && basename(begun) === backup;
  const path = isBegun ? begun : absolutePath(backup);
  if (!isPath && !isBegun && lstatSync(path, { throwIfNoEntry: false }) === undefined) return options;
  const own = backups.find(({ dump }) => dump.path === path || dump.folder === path);
  if (own !== undefined) return { ...options, backup: own.entry.name };
  const found = { ...options, backup: undefined, file: path };
  // It was proved then, and may be gone now: its copy is there.
  if (state !== undefined && begun === path && unfinishedRestore(state) !== undefined) return found;
  await assertGivenFile(path);
  return asksOf(session, found) && !(await isNoted(path)) ? askWhatItIs(session, found) : found;
}

/** The file of a restore that is not finished. */
function begunWith(state: State | undefined): string | undefined {
  if (state?.run === undefined || !isUnfinished(state.run)) return undefined;
  const target = recordedTarget(state.run);
  return target?.file === true ? target.dump?.path : undefined;
}

const asksOf = ({ prompter }: Session, { dumpVersion, dumpSchema }: RestoreOptions) =>
  prompter !== undefined && (dumpVersion === undefined || dumpSchema === undefined);

async function askWhatItIs(session: Session, options: RestoreOptions): Promise<RestoreOptions> {
  const { dumpVersion, dumpSchema, file = '' } = options;
  const prompter = await session.prompter?.();
  if (prompter === undefined) return options;
  const { product, release } = session;
  const example = `as in ${release.version}`;
  const version =
    dumpVersion ??
    (await answered(prompter, {
      title: `Of which release of ${product.title} is ${file}?`,
      help: [`There is no note beside it that tells. The version is needed, ${example}`],
      check: async (text) =>
        parseVersion(text, schemeOf(product)) === undefined ? `a version is needed, ${example}` : undefined,
    }));
  const schema =
    dumpSchema ??
    Number(
      await answered(prompter, {
        title: 'Which version has the schema in it?',
        help: ['It is compared with what the dump holds before anything is stopped.'],
        check: async (text) => (/^\d{1,9}$/.test(text) ? undefined : 'a number is needed'),
      }),
    );
  return { ...options, dumpVersion: version, dumpSchema: schema };
}

/** There is no question before these. */
async function answered(prompter: Prompter, question: TextQuestion): Promise<string> {
  for (;;) {
    const answer = await prompter.text(question);
    if (answer !== back) return answer;
  }
}
