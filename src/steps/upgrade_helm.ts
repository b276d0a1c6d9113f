import type * as z from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { type Pod, podState } from '../host/pods.ts';
import { valueAt } from '../policy/values-patches.ts';
import { makeBackupFolder, sealFolders } from '../backup/backup-folder.ts';
import type { UpgradeContext } from '../release/context.ts';
import { judgeFailure } from '../release/helm-aftermath.ts';
import { askSchema } from '../release/schema-now.ts';
import { runHelm } from '../release/helm-run.ts';
import { assertDeployed, endedWithoutUs, repairHelm } from '../release/helm-state.ts';
import type { PgDump } from '../backup/dump-record.ts';
import { differenceText } from '../policy/schema-fingerprint.ts';
import { judgeSchema, type SchemaAnswer, schemaSentence } from '../policy/schema-verdict.ts';
import { previewRelease } from '../release/release-preview.ts';
import { helmResult } from '../backup/upgrade-results.ts';
import { flagText } from '../release/migrating.ts';
import { readValuesFile } from '../release/values-file.ts';
import { upgradeMigrate } from './upgrade_migrate.ts';
import { upgradePgBackup } from './upgrade_pg_backup.ts';
import { snapshotOf } from './upgrade_snapshot.ts';
import { sudo } from '../shell-word.ts';

/**
 * `helm upgrade` with rollback on failure, by the payload's own Helm; after a failure the step checks what
 * runs.
 */
export const upgradeHelm: Step<UpgradeContext, z.infer<typeof helmResult.out>> = {
  ...helmResult,
  title: 'Upgrade the release',
  needs: [upgradeMigrate.id],
  revision: 1,
  inputs: ({ values, payload, to }) => ({ values: values.sha256, payload: payload.digest, to }),

  plan: async ({ product, from, to, majorChange }) => ({
    action: 'run',
    summary:
      `helm upgrade ${product.release} from ${from} to ${to}, ` +
      (majorChange === undefined
        ? 'with rollback on failure '
        : 'without rollback (the old server cannot read the data) ') +
      `and a wait of up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  preview: previewRelease,

  async run(ctx, io) {
    const { product, helm } = ctx;
    await assertValuesUnchanged(ctx);
    // After a change of the major version no server runs before Helm starts it.
    const found = await askSchema(ctx, ctx.majorChange === undefined ? 10_000 : 0);
    const dump = io.result(upgradePgBackup)?.pgDump;
    const revisionBefore = (await helm.current())?.revision ?? 0;
    const hadStarted = ctx.wayBack().helmStartedAt !== undefined;
    await io.pointOfNoReturn({ ...schemaFrom(found, dump), helmRevision: revisionBefore });
    // An earlier attempt may have moved the schema: its current version may not be the one from before.
    const asked = ctx.majorChange === undefined || found.version !== undefined;
    if (hadStarted && asked) await tellSchema(ctx, io, found);
    if (await endedWithoutUs(ctx, ctx.values.sha256)) await sealFolders(ctx.wayBack().anchored);
    else await forward(ctx, io);
    const { schemaWas } = ctx.wayBack();
    const { version: before } = schemaWas;
    const answer = await askSchema(ctx, 60_000, { was: schemaWas });
    const { version: after } = answer;
    const verdict = judgeSchema(schemaWas, answer);
    await ctx.recordSchema(verdict);
    const release = await helm.current();
    const schema = schemaSentence(verdict);
    // An operator who asked to stop while Helm ran sees how it ended; the steps that are left are printed at
    // the run's end.
    if (io.signal.aborted) io.warn(`Helm has completed: the release is ${ctx.to}. ${schema}`);
    else io.log(schema);
    const lag = await schemaLag(ctx, after);
    if (lag !== undefined) io.warn(lag.line);
    return {
      helm: { revision: release?.revision ?? null, version: ctx.to, values: ctx.values.sha256 },
      schema: {
        before: before ?? null,
        after: after ?? null,
        target: ctx.release.schema.target,
        differs: verdict.kind === 'changed' ? differenceText(verdict.difference) : null,
      },
      restart: lag?.restart ?? null,
      release: product.release,
    };
  },

  verify: assertDeployed,
};

/** Helm reads the file again: it must be the one that preflight and the overlay were made from. */
async function assertValuesUnchanged({ values, program, again }: UpgradeContext): Promise<void> {
  if ((await readValuesFile(values.path, program)).sha256 === values.sha256) return;
  throw new IvaapError(
    'failed',
    `${values.path} was changed during this run: its new content was not checked, and Helm was not started`,
    { hint: again() },
  );
}

/**
 * The schema as it is before Helm starts: where the database does not tell, the dump from just before does.
 */
function schemaFrom({ version, fingerprint }: SchemaAnswer, dump: PgDump | undefined) {
  const schemaVersion = version ?? dump?.schemaVersion;
  const fromDump = dump?.schemaVersion === schemaVersion ? dump?.schemaFingerprint : undefined;
  const known = fingerprint ?? fromDump;
  return {
    schemaVersion: schemaVersion ?? null,
    ...(known === undefined ? {} : { schemaFingerprint: { ...known } }),
  };
}

/** What became of the schema since Helm first started: an earlier attempt may not have learnt it. */
async function tellSchema(ctx: UpgradeContext, io: StepIo, found: SchemaAnswer): Promise<void> {
  const verdict = judgeSchema(ctx.wayBack().schemaWas, found);
  await ctx.recordSchema(verdict);
  io.warn(schemaSentence(verdict));
}

/** Repairs Helm's records where a Helm was interrupted, and runs Helm. */
async function forward(ctx: UpgradeContext, io: StepIo): Promise<void> {
  const { folder } = snapshotOf(io);
  let made: Promise<string> | undefined;
  const records = () => (made ??= makeBackupFolder(ctx, io, folder));
  const { act, historyMax } = await repairHelm(ctx, io, 'upgrade', records);
  await sealFolders(ctx.wayBack().anchored);
  const history = await ctx.helm.history();
  const revision = history.at(-1)?.revision ?? 0;
  io.signal.throwIfAborted();
  try {
    await runHelm(ctx, io, {
      verb: act === 'install' ? 'install' : 'upgrade',
      values: ctx.values.sha256,
      revisionBefore: revision,
      records: history.length,
      historyMax,
      // What stopped the workloads owns the number of their pods.
      forceConflicts: ctx.forceConflicts || ctx.majorChange !== undefined,
      // The old release's server cannot read the data that are there now.
      keepsFailed: ctx.majorChange !== undefined,
    });
  } catch (error) {
    throw await judgeFailure(ctx, error, io, revision);
  }
}

const restartCommand = ({ product }: UpgradeContext): string =>
  `${sudo.kubectl} delete pod -n ${product.namespace} ` +
  `-l ${product.values.autoMigrate?.restartSelector ?? ''}`;

/**
 * A pod reads the flag that lets the product migrate only at its start, and a change of the flag alone
 * recreates no pod. This returns which pod to delete when the flag is on, the schema is not at its target,
 * and a pod serves that is older than the Helm that deployed this release. A pod that is ending or not ready
 * may be migrating: deleting it would do harm.
 */
async function schemaLag(
  ctx: UpgradeContext,
  schema: number | undefined,
): Promise<{ line: string; restart?: string } | undefined> {
  const { autoMigrate } = ctx.product.values;
  const { target } = ctx.release.schema;
  if (autoMigrate === undefined || schema === undefined || schema >= target) return undefined;
  const at = `the database schema is at version ${schema} (this release's is ${target})`;
  const value = valueAt(ctx.values.root, autoMigrate.path);
  if (String(value) !== autoMigrate.on) {
    return { line: `${at}: ${flagText(autoMigrate, value)}` };
  }
  const helmStartedAt = ctx.helmJournal().process?.begunAt;
  if (helmStartedAt === undefined) return undefined;
  const scope = { namespace: ctx.product.namespace, selector: autoMigrate.restartSelector };
  const pods = await ctx.kubectl.list<Pod>('pods', scope).catch(() => []);
  const old = olderThan(pods, helmStartedAt);
  if (old.length === 0) return undefined;
  const restart = restartCommand(ctx);
  return {
    line:
      `${at}: pod ${old.join(', ')} was not recreated and runs ` +
      `with the old setting. Delete it: ${restart}`,
    restart,
  };
}

/** Names of pods that have served since before that time; the server's times are full seconds. */
export function olderThan(pods: readonly Pod[], helmStartedAt: string): string[] {
  const helmStartMs = Math.floor(Date.parse(helmStartedAt) / 1000) * 1000;
  return pods
    .filter(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') < helmStartMs)
    .map(podState)
    .filter(({ ready, ending }) => ready && !ending)
    .map(({ name }) => name);
}
