import type { Redactor } from '../../engine/redact.ts';
import { removeTree } from '../../host/remove-tree.ts';
import {
  assertMajorInFolder,
  assertSecretsOfData,
  assertUsable,
  type KeptData,
  keptDataPath,
  readKeptData,
  secretsOfData,
} from '../../release/kept-data.ts';
import { hiddenText } from '../../release/secrets-of-host.ts';
import type { Session } from '../../session/session.ts';

/**
 * The data that an uninstall kept in this folder. Throws `version` where this release cannot work with them,
 * and `preflight` where the cluster has other passwords.
 */
export async function usableKeptData(
  session: Session,
  storagePath: string,
  redactor: Redactor,
): Promise<KeptData | undefined> {
  const kept = await readKeptData(storagePath);
  if (kept === undefined) return undefined;
  for (const values of Object.values(secretsOfData(kept)))
    for (const secret of Object.values(values)) redactor.add(hiddenText(secret));
  assertUsable(kept, session);
  await assertMajorInFolder(kept);
  const { kubectl } = await session.tools();
  await assertSecretsOfData(kubectl, session.product, kept, 'preflight');
  return kept;
}

/** The secrets are in the cluster now, and the data are an installation's again. */
export const forgetKeptData = (storagePath: string): Promise<void> => removeTree(keptDataPath(storagePath));
