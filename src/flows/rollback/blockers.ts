import { IvaapError } from '../../errors.ts';
import { latestRecordedDump } from '../../backup/dump-record.ts';
import type { State } from '../../engine/state.ts';
import { databaseSize } from '../../host/database-size.ts';
import { type Known, known } from '../../known.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import type { RollbackContext } from '../../release/context.ts';
import { mayHoldData } from '../../release/our-data.ts';
import { whyGrown } from '../../steps/rollback_pg_backup.ts';
import { stoppedBy } from '../../release/undo-stops.ts';
import type { Session } from '../../session/session.ts';
import type { Prepared } from '../flow.ts';
import type { RollbackDecision } from './decision.ts';
import { isToUndo } from './gate.ts';
import type { RollbackOptions } from './options.ts';
import { losesData, undoneSteps, undoPlanOf } from './steps.ts';
import { sudo } from '../../shell-word.ts';

/**
 * What stands against a rollback, before anything is removed: what is not ours, data that would be lost
 * without consent, and a database that cannot be dumped.
 */
export async function rollbackBlockers(
  session: Session,
  options: RollbackOptions,
  { decision: { install, state }, ctx }: Prepared<RollbackDecision, RollbackContext>,
): Promise<IvaapError[]> {
  const { product, signal, again } = session;
  const left = undoneSteps(product, ctx.undone).filter(({ id }) => isToUndo(install, id));
  const stops = [];
  for (const step of left) stops.push(...(await undoPlanOf(step, ctx)).stops);
  const stopped = stoppedBy('preflight', stops, session);
  const blockers = stopped === undefined ? [] : [stopped];
  if (!losesData(left)) return blockers;
  const hasData = await mayHoldData(ctx);
  // Once the database is gone, the dump was taken before.
  const begun = state.suspended !== undefined && (await whyGrown(ctx)) === undefined;
  const holdsNone = hasData.known && !hasData.value;
  const asked = holdsNone || begun ? undefined : await known(databaseSize(ctx.database, signal));
  // Without an answer the folder that is away is the better reason.
  const size = asked?.known === false && !hasData.known ? hasData : asked;
  signal.throwIfAborted();
  if (!options.acceptDataLoss) {
    const ids = left.filter(({ undo }) => undo?.destructive === true).map(({ id }) => id);
    blockers.push(
      new IvaapError(
        'usage',
        `undoing ${ids.join(', ')} loses data: ${lossText(ctx, { holdsNone, size }, state)}`,
        {
          hint: again({ add: ['--accept-data-loss'] }),
        },
      ),
    );
  }
  if (size?.known === false && !options.skipBackup) {
    blockers.push(
      new IvaapError('preflight', `no last dump can be taken: ${size.why}`, {
        hint:
          `${size.hint ?? `${sudo.kubectl} get pods -n ${product.namespace}`}\nto continue without a dump: ` +
          again({ add: ['--skip-backup'] }),
      }),
    );
  }
  return blockers;
}

/** Database, rows, bytes, and when it was last dumped. */
function lossText(
  { product, storagePath, storageClass }: RollbackContext,
  { holdsNone, size }: { holdsNone: boolean; size: Known<{ rows: number; sizeBytes: number }> | undefined },
  state: State,
): string {
  const { name } = product.database;
  if (holdsNone) {
    return `${storageClass ?? storagePath}, where the database ${name} lies, holds no data yet`;
  }
  const what =
    size === undefined
      ? 'its removal has begun'
      : size.known
        ? `about ${counted(size.value.rows, 'row')}, ${formatBytes(size.value.sizeBytes)}`
        : `how many rows and bytes is not known: ${size.why}`;
  const dump = latestRecordedDump(state);
  const last = dump === undefined ? 'never dumped' : `last dumped ${dump.takenAt} to ${dump.path}`;
  return `the database ${name} (${what}; ${last})`;
}
