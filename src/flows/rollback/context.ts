import type { RollbackContext } from '../../release/context.ts';
import type { Session } from '../../session/session.ts';
import { installRecords } from '../install/context.ts';
import { stepContext } from '../step-context.ts';
import type { RollbackDecision } from './decision.ts';
import type { RollbackOptions } from './options.ts';

/** The context of the steps of a rollback. Places Helm, and changes nothing else. */
export async function rollbackContext(
  session: Session,
  { step, skipBackup }: RollbackOptions,
  { state, undone, fqdn, storagePath, storageClass }: RollbackDecision,
): Promise<RollbackContext> {
  const journal = await session.readJournal();
  if (state.suspended === undefined) journal.leaveIdleRollback();
  const shared = await stepContext(session, {
    helm: await session.placeHelm(),
    from: null,
    entitlements: [],
    imagesFrom: 'payload',
    refreshArchives: false,
    waivers: [],
  });
  const records = await installRecords(session);
  const unknown = { valuesFrom: undefined, license: undefined, keptData: undefined, connectors: undefined };
  const answers = { fqdn, storagePath, storageClass, ...unknown };
  return {
    ...shared,
    ...answers,
    ...records,
    step,
    undone,
    skipBackup,
    journal,
  };
}
