import { removeDurable } from '../../host/atomic-file.ts';
import type { Session } from '../../session/session.ts';

/**
 * An install is complete: the secrets that a rollback kept have served their time. The file goes first, so
 * that a run that dies in between leaves no file that nothing names.
 */
export async function forgetKeptSecrets(session: Session): Promise<void> {
  const journal = await session.journal();
  const { keptSecrets, installed } = journal.state;
  if (keptSecrets === undefined || installed === undefined) return;
  await removeDurable(keptSecrets.path);
  await journal.update((draft) => {
    delete draft.keptSecrets;
    delete draft.derived.keptSecrets;
    for (const { kept } of draft.run?.rollbacks ?? []) delete kept.keptSecrets;
  });
}
