import { dumpToBringBack } from '../../backup/rollback-dump.ts';
import { enabledEntitlements } from '../../policy/connectors.ts';
import type { Product } from '../../payload/product-schema.ts';
import { usedEntitlements } from '../../policy/used-entitlements.ts';
import { parseValues } from '../../release/values-file.ts';
import type { InstallContext } from '../../release/context.ts';
import { operator } from '../../host/system.ts';
import type { Session } from '../../session/session.ts';
import { stepContext } from '../step-context.ts';
import { waiversOf } from '../waivers.ts';
import type { InstallDecision, InstallOptions } from './decision.ts';

/** The context of the steps of an install. Helm is not placed yet. */
export async function installContext(
  session: Session,
  options: InstallOptions,
  { answers, license, keptData }: InstallDecision,
): Promise<InstallContext> {
  const waivers = waiversOf(options.waive, 'install', session.product);
  (await session.readJournal()).leaveIdleRollback();
  const shared = await stepContext(session, {
    helm: await session.helm(),
    from: null,
    entitlements: enabledHere(session.product, answers, license),
    imagesFrom: 'payload',
    refreshArchives: false,
    waivers,
  });
  return { ...shared, ...answers, license, keptData, ...(await installRecords(session)) };
}

/**
 * What is granted and chosen, and what the operator's own values switch on: that runs, granted or not, and
 * needs its images where a waiver lets it pass.
 */
function enabledHere(
  { entitlements }: Pick<Product, 'entitlements'>,
  { connectors, valuesFrom }: InstallDecision['answers'],
  license: InstallDecision['license'],
): string[] {
  const granted = enabledEntitlements(entitlements, license?.entitlements ?? [], connectors?.names);
  // An answer of this invocation sets the switches itself.
  if (valuesFrom === undefined || connectors?.from === 'answer') return granted;
  const { root } = parseValues(valuesFrom.path, valuesFrom.text);
  return [...new Set([...granted, ...usedEntitlements(entitlements, { values: root, derived: {} })])];
}

/** What the steps of an install read and write in the state beyond their own run. */
export async function installRecords(
  session: Session,
): Promise<Pick<InstallContext, 'install' | 'dumpToBringBack' | 'keptSecrets' | 'recordKeptSecrets'>> {
  const journal = await session.journal();
  const by = operator().user;
  return {
    install: () => journal.state.suspended ?? journal.state.run,
    dumpToBringBack: () => dumpToBringBack(journal.state),
    keptSecrets: () => journal.state.keptSecrets?.path,
    recordKeptSecrets: (path) =>
      journal.update((draft, at) => {
        draft.keptSecrets = { by, at, run: draft.run?.id ?? '', path };
      }),
  };
}
