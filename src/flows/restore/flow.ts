import { isDeepStrictEqual } from 'node:util';
import type { RunEnd } from '../../engine/journal.ts';
import { earlierRestores } from '../../engine/restores.ts';
import { leaveSuspended } from '../../engine/rollback-record.ts';
import { stepRecord } from '../../backup/step-results.ts';
import { waivedSteps } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import type { JsonObject } from '../../engine/step.ts';
import { known } from '../../known.ts';
import { sameRecordedVersion } from '../../version.ts';
import { otherOnPath } from '../../release/other-on-path.ts';
import type { RestoreContext } from '../../release/context.ts';
import { absolutePath } from '../../payload/absolute-path.ts';
import { openOldPackage } from '../../release/old-package.ts';
import {
  folderId,
  keptFilesSchema,
  movedSchema,
  recordDataFolder,
  type RestoreTarget,
  swapId,
} from '../../release/restore-record.ts';
import { isSwapped } from '../../release/restore-swap.ts';
import { hideValues } from '../../release/secrets-of-host.ts';
import { readValuesFile } from '../../release/values-file.ts';
import { stateIsThere } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import { restoreChart } from '../../steps/restore_chart.ts';
import { restoreFolder } from '../../steps/restore_folder.ts';
import { restoreHalt } from '../../steps/restore_halt.ts';
import { restorePgBackup } from '../../steps/restore_pg_backup.ts';
import type { Flow } from '../flow.ts';
import { startAgain } from '../start-again.ts';
import { stepContext } from '../step-context.ts';
import { waiversOf } from '../waivers.ts';
import { decideRestore, type RestoreDecision } from './decision.ts';
import { resolveArgument } from './given.ts';
import type { RestoreOptions } from './options.ts';
import { restoreSteps } from './steps.ts';
import { restoreSummary } from './summary.ts';

/** `restore`: brings the release and the data of a backup back, and keeps what was there. */
export const restoreFlow: Flow<RestoreOptions, RestoreDecision, RestoreContext> = {
  name: 'restore',
  command: 'restore',
  tellsPlan: true,
  // Nothing of the payload but its programs and the product's data is needed for it.
  scansPayload: false,
  suspends: 'replaces',
  assertOptions: () => {},

  // A host without state is only read.
  locksFirst: stateIsThere,

  complete: resolveArgument,
  decide: decideRestore,
  context: restoreContext,

  stake: (_session, _options, { stake }) => stake?.lines ?? [],

  question({ product, again }, { confirm }, { target, stake }) {
    if (confirm !== undefined || stake === undefined) return undefined;
    return {
      text: [
        ...stake.lines,
        ...stake.notes.map((note) => `  ${note}`),
        '',
        `${whatComes(product.title, target)}. To go on, type its name, ${product.name}`,
      ].join('\n'),
      word: product.name,
      hint: again({ add: ['--dry-run'] }),
    };
  },

  async decideAgain(session, options, { decision }) {
    const now = await decideRestore(session, options);
    return isDeepStrictEqual(now.target, decision.target) ? decision : now;
  },

  async beforeRun({ reporter }, { decision: { stake, asksWithNotes } }) {
    // Who was asked has read it.
    for (const line of stake?.lines ?? []) {
      const event = { type: 'message', level: 'info', line } as const;
      if (asksWithNotes === true) reporter.record(event);
      else reporter.report(event);
    }
  },

  steps: (product, { target }) => restoreSteps(product, target),

  async onStarted(session, { ctx }, { run, kept }) {
    if (!ctx.skipBackup || kept.includes(restorePgBackup.id)) return;
    const journal = await session.journal();
    if (journal.state.skippedBackups.some((skipped) => skipped.run === run)) return;
    await journal.update((draft, at) => {
      draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
    });
  },

  completes,
  summarize: restoreSummary,
  onFailed: (session, { ctx }) => startHalted(session, ctx),
};

async function restoreContext(
  session: Session,
  { skipBackup, waive, package: named }: RestoreOptions,
  { target, state }: RestoreDecision,
): Promise<RestoreContext> {
  const { product, paths, redactor, program } = session;
  const journal = await session.journal();
  const values = await readValuesFile(paths.values, program);
  hideValues(product, values, redactor);
  const from = state.installed?.version ?? target.before.version;
  const oldPackage = named === undefined ? undefined : absolutePath(named);
  // Refused before anything has begun; the step that reads it opens it again.
  if (oldPackage !== undefined) await (await openOldPackage(oldPackage, { product }, target)).close();
  const shared = await stepContext(session, {
    helm: await session.placeHelm(),
    from,
    entitlements: [],
    imagesFrom: 'payload',
    refreshArchives: false,
    waivers: waiversOf(waive, 'restore', product),
  });
  const { run } = state;
  const resumes = run?.flow === 'restore' && run.status !== 'completed';
  const { binary } = target.before;
  return {
    ...shared,
    from,
    to: target.release.version,
    // Any package of the product goes on with it.
    ...(resumes && { runDigest: run.payloadDigest }),
    target,
    onPath: await otherOnPath(session, target.release),
    installedBy: typeof binary === 'string' ? binary : undefined,
    oldPackage,
    skipBackup,
    recordDataFolder: (folder) => journal.update((draft, at) => recordDataFolder(draft, folder, at)),
    recordRestored: (known) =>
      journal.update((draft, now) => {
        draft.restored = restoredBy(draft, { target, operator: shared.operator, now, known });
      }),
  };
}

const whatComes = (title: string, { chartOnly, release: { version } }: RestoreTarget) =>
  chartOnly
    ? `This brings ${title} ${version} back with the data of now`
    : `This stops ${title} and brings back ${version} with the data of then`;

interface Done {
  target: RestoreContext['target'];
  operator: string;
  now: string;
  /** What only a step knows yet. */
  known?: { moved?: string; kept?: string };
}

/** What takes a restore back, from what its steps have recorded. */
function restoredBy(state: State, { target, operator, now, known = {} }: Done): State['restored'] {
  const { run, installed } = state;
  const moved = known.moved ?? movedSchema.safeParse(stepRecord(run, swapId)).data?.movedDatabase;
  const kept = known.kept ?? keptFilesSchema.safeParse(stepRecord(run, restoreChart.id)).data?.filesBefore;
  const folder = restoreFolder.out.safeParse(stepRecord(run, folderId)).data?.movedFolder;
  const dump = restorePgBackup.out.safeParse(stepRecord(run, restorePgBackup.id)).data?.pgDump;
  const wasInstalled =
    installed !== undefined && sameRecordedVersion(installed.version, target.before.version);
  const brought = { database: target.moved, folder: target.folder?.path ?? null };
  const earlier = earlierRestores(state, { run: run?.id ?? '', brought });
  const plain = (value: object) => JSON.parse(JSON.stringify(value)) as JsonObject;
  return {
    by: operator,
    at: now,
    run: run?.id ?? '',
    undo: target.undo,
    ...(target.chartOnly && { chartOnly: true }),
    dump: target.dump === null ? null : plain(target.dump),
    version: target.release.version,
    moved: moved ?? null,
    ...(folder && { folder }),
    before: target.before,
    // A release that was never completely there would come with a migration, and no dump of before.
    kept: target.chartOnly && !wasInstalled ? null : (kept ?? null),
    pgDump: dump === undefined ? null : plain(dump),
    ...(earlier.length > 0 && { earlier }),
  };
}

/**
 * The restored release is installed. One that has brought back the data alone leaves an unfinished upgrade
 * unfinished.
 */
function completes({ target, operator }: RestoreContext): RunEnd['completes'] {
  return (draft, now) => {
    draft.restored = restoredBy(draft, { target, operator, now });
    // The data alone are not what an unfinished upgrade was to change.
    if (target.dataOnly) return leaveSuspended(draft);
    const waived = draft.run === undefined ? [] : waivedSteps(draft.run);
    draft.installed = { ...target.release, completedAt: now, ...(waived.length > 0 && { waived }) };
  };
}

/**
 * A restore that ends before the swap leaves the database as it is: what it had stopped is started again, and
 * the run has begun nothing.
 */
async function startHalted(session: Session, ctx: RestoreContext): Promise<void> {
  const { run, kubectl } = ctx;
  if (run()?.steps[restoreHalt.id] === undefined) return;
  const asked = await known(isSwapped(ctx));
  if (!asked.known || asked.value) return;
  if (!(await startAgain(session, { kubectl, by: 'restore', so: 'the database is as it was' }))) return;
  const journal = await session.journal();
  await journal.update((draft) => {
    for (const id of [restoreHalt.id, swapId, folderId]) delete draft.run?.steps[id];
  });
}
