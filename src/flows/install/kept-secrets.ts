import { readKeptSecrets } from '../../backup/kept-secrets.ts';
import { removeTree } from '../../host/remove-tree.ts';
import type { Secret } from '../../host/kubectl.ts';
import { known } from '../../known.ts';
import type { Session } from '../../session/session.ts';

/**
 * An install is complete: the secrets that a rollback kept have served their time once the cluster has the
 * same passwords. Otherwise data that were put aside, or whose disk was away, may need the file, and it
 * stays. The file goes first, so that a run that dies in between leaves no file that nothing names.
 */
export async function forgetKeptSecrets(session: Session): Promise<void> {
  const journal = await session.journal();
  const { keptSecrets, installed } = journal.state;
  if (keptSecrets === undefined || installed === undefined) return;
  const { path } = keptSecrets;
  const same = await known(areInCluster(session, path));
  if (!same.known) return session.reporter.warn(`${path} with the secrets of a rollback stays: ${same.why}`);
  if (same.value) await removeTree(path);
  else {
    session.reporter.warn(
      `${path} stays: its passwords are not those of this installation, and the data that a rollback left ` +
        'may need them',
    );
  }
  await journal.update((draft) => {
    delete draft.keptSecrets;
    delete draft.derived.keptSecrets;
    if (same.value) for (const { kept } of draft.run?.rollbacks ?? []) delete kept.keptSecrets;
  });
}

/** Whether every generated secret of the file is in the cluster as it is there. */
async function areInCluster(session: Session, path: string): Promise<boolean> {
  const { product } = session;
  const { kubectl } = await session.tools();
  const kept = await readKeptSecrets(path);
  for (const { name } of product.generatedSecrets) {
    if (kept[name] === undefined) continue;
    const found = await kubectl.get<Secret>('secret', name, { namespace: product.namespace });
    const isSame = Object.entries(kept[name]).every(([key, encoded]) => found?.data?.[key] === encoded);
    if (!isSame) return false;
  }
  return true;
}
