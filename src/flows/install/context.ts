import { enabledEntitlements } from '../../policy/connectors.ts';
import type { InstallContext } from '../../release/context.ts';
import type { Session } from '../../session/session.ts';
import { stepContext } from '../step-context.ts';
import { waiversOf } from '../waivers.ts';
import type { InstallDecision, InstallOptions } from './decision.ts';

/** The context of the steps of an install. Helm is not placed yet. */
export async function installContext(
  session: Session,
  options: InstallOptions,
  { answers, license }: InstallDecision,
): Promise<InstallContext> {
  const waivers = waiversOf(options.waive, 'install', session.product);
  await session.readJournal();
  const shared = await stepContext(session, {
    helm: await session.helm(),
    from: null,
    entitlements: enabledEntitlements(
      session.product.entitlements,
      license?.entitlements ?? [],
      answers.connectors?.names,
    ),
    imagesFrom: 'payload',
    refreshArchives: false,
    waivers,
  });
  return { ...shared, ...answers, license };
}
