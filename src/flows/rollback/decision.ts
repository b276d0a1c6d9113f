import { withoutIdleRollback } from '../../engine/rollback-record.ts';
import { IvaapError } from '../../errors.ts';
import type { RunRecord, State } from '../../engine/state.ts';
import { recordedFolder } from '../../release/our-data.ts';
import { hideGenerated, installedLicense } from '../../release/secrets-of-host.ts';
import { assertCluster } from '../../session/host-tools.ts';
import { readOwnState } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import type { Decision } from '../flow.ts';
import { recordedAnswers } from '../install/recorded-answers.ts';
import { installSteps } from '../install/steps.ts';
import { upgradeSteps } from '../upgrade/steps.ts';
import { assertStep, refuseOtherRollback, requireInstall, requireState, stepsToUndo } from './gate.ts';
import type { RollbackOptions } from './options.ts';

/** That an install may be rolled back, and which of its steps. */
export interface RollbackDecision extends Decision {
  state: State;
  install: RunRecord;
  /** Ids, newest first; of a rollback that resumes, all that it began with. */
  undone: readonly string[];
  fqdn: string;
  storagePath: string;
  /** Instead of the folder. */
  storageClass: string | undefined;
}

/** Throws a blocker; changes nothing. */
export async function decideRollback(session: Session, options: RollbackOptions): Promise<RollbackDecision> {
  const { product, program, redactor } = session;
  const { step } = options;
  const order = installSteps(product).map(({ id }) => id);
  const upgrade = upgradeSteps(product).map(({ id }) => id);
  assertStep(session, { step, order, upgrade });
  const found = await requireState(session, await readOwnState(session, program));
  const state = found.run?.answers?.step === step ? found : withoutIdleRollback(found);
  const install = requireInstall(session, state);
  refuseOtherRollback(state, step, program);
  const begun = state.suspended === undefined ? undefined : state.run?.answers;
  const undone =
    Array.isArray(begun?.undone) && begun.undone.every((id) => typeof id === 'string')
      ? begun.undone
      : stepsToUndo(session, install, { step, order });
  const { kubectl } = await session.tools();
  await assertCluster(kubectl, product).catch((error: unknown) => {
    throw error instanceof IvaapError ? withWaysOn(session, error) : error;
  });
  await hideGenerated(kubectl, product, redactor);
  await installedLicense(kubectl, product, redactor);
  const answers = recordedAnswers(install);
  const { fqdn = '', storageClass } = answers;
  const storagePath =
    typeof begun?.storagePath === 'string'
      ? begun.storagePath
      : (recordedFolder(install) ?? answers.storagePath ?? product.database.volume.defaultPath);
  return {
    state,
    install,
    undone,
    fqdn,
    storagePath,
    storageClass,
    recorded: { step, undone: [...undone], storagePath },
    fresh: false,
    notes: [],
  };
}

/** A host whose cluster is down is not left with the command that asks for its service alone. */
function withWaysOn({ program, again }: Pick<Session, 'program' | 'again'>, error: IvaapError): IvaapError {
  const ways = [`Then: ${again()}`, `To remove the product from this host instead: ${program} uninstall`];
  return error.with({ hint: [...(error.hint === undefined ? [] : [error.hint]), ...ways].join('\n') });
}
