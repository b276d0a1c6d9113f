import type { State } from '../../engine/state.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { rehearsedText } from '../../release/rehearsal-record.ts';
import { usedEntitlements } from '../../policy/used-entitlements.ts';
import { patchedValues } from '../../policy/values-patches.ts';
import { latestRepair } from '../../release/agreeing-versions.ts';
import { fqdnOf } from '../../release/health-route.ts';
import { routeTarget } from '../../release/route-target.ts';
import type { MajorChange } from '../../backup/upgrade-results.ts';
import { renderedOnce } from '../../release/rendered-chart.ts';
import { recordDataFolder } from '../../release/restore-record.ts';
import { answersOnce } from '../../release/server-answers.ts';
import { readValuesFile } from '../../release/values-file.ts';
import type { Session } from '../../session/session.ts';
import { stepContext } from '../step-context.ts';
import type { UpgradeStart } from './decision.ts';
import { hideGenerated, hideValues, installedLicense } from '../../release/secrets-of-host.ts';
import type { UpgradeOptions } from './options.ts';
import { recordSchema } from './schema-record.ts';
import { waiversOf } from '../waivers.ts';

/**
 * Facts from before a repair of the state are not verified: every upgrade from there takes its own dump. So
 * does one that takes the data to another major version.
 */
function dumpIsDue(
  state: Readonly<State>,
  { reporter }: Session,
  majorChange: MajorChange | undefined,
): boolean {
  if (majorChange !== undefined) {
    reporter.warn(`--skip-backup is ignored: the dump takes the data to PostgreSQL ${majorChange.to}`);
    return true;
  }
  const repair = latestRepair(state);
  if (repair === undefined) return false;
  reporter.warn(
    '--skip-backup is ignored: the state was repaired ' +
      `${repair.at}, so every upgrade takes a dump until one ` +
      'completes',
  );
  return true;
}

/**
 * Reads the context of the steps; from here on the redactor knows the secrets. Places Helm, and changes
 * nothing else.
 */
export async function upgradeContext(
  session: Session,
  options: UpgradeOptions,
  { from, majorChange }: UpgradeStart,
): Promise<UpgradeContext> {
  const { product, paths, redactor, signal } = session;
  const values = await readValuesFile(paths.values, session.program);
  fqdnOf(product, values);
  hideValues(product, values, redactor);
  const { kubectl } = await session.tools();
  await hideGenerated(kubectl, product, redactor);
  const license = await installedLicense(kubectl, product, redactor);
  const { imagesFrom, refreshArchives, forceConflicts } = options;
  const journal = await session.journal();
  const { state } = journal;
  // A connector that runs keeps its images whatever the licence says today.
  const used = usedEntitlements(product.entitlements, { values: values.root, derived: state.derived });
  const shared = await stepContext(session, {
    helm: await session.placeHelm(),
    from,
    entitlements: [...new Set([...(license?.entitlements ?? []), ...used])],
    imagesFrom,
    refreshArchives,
    waivers: waiversOf(options.waive, 'upgrade', product),
  });
  const ctx: UpgradeContext = {
    ...shared,
    from,
    installedBy: installedBy(state),
    values,
    rehearsed: rehearsedText(state, { product, from, digest: session.payload.digest }, shared.now()),
    license,
    recordSchema: (verdict) => recordSchema(journal, verdict),
    skipBackup: options.skipBackup && !dumpIsDue(state, session, majorChange),
    majorChange,
    recordDataFolder: (folder) => journal.update((draft, at) => recordDataFolder(draft, folder, at)),
    forceConflicts,
    rendered: renderedOnce(() => ctx, signal),
    answers: answersOnce(() => ctx),
  };
  refuseUnsaidRoutes(ctx);
  return ctx;
}

/** Refused before anything is changed: a route of which the values that the release will have say nothing. */
function refuseUnsaidRoutes({ product, release, values: { path, root } }: UpgradeContext): void {
  const values = { path, root: patchedValues(root, release.valuesPatches) };
  for (const route of product.health) routeTarget(route, values, fqdnOf(product, values));
}

/** Older programs recorded it only in the last run. */
function installedBy({ installed, run }: State): string | undefined {
  if (installed?.binary !== undefined) return installed.binary;
  return run?.status === 'completed' && run.to === installed?.version ? run.binary : undefined;
}
