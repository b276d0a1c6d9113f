import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { valueAt } from '../policy/values-patches.ts';
import type { UpgradeContext } from './context.ts';
import { judgeFailure, schemaVersion } from './helm_aftermath.ts';
import { runHelm } from './helm_run.ts';
import { endedWithoutUs, repairHelm } from './helm_state.ts';
import { schemaSentence } from './helm_verdict.ts';
import { previewRelease } from './release_preview.ts';
import { snapshotSchema } from './upgrade_snapshot.ts';
import { readValuesFile } from './values_file.ts';

/** `helm upgrade` with rollback on failure, from the payload's own Helm; a failure is judged by what runs afterwards. */
export const upgradeHelm: Step<UpgradeContext> = {
  id: 'upgrade_helm',
  title: 'Upgrade the release',
  needs: ['upgrade_migrate'],
  midpoint: 'helm-at-work',
  revision: 1,
  inputs: ({ values, payload, to }) => ({ values: values.sha256, payload: payload.digest, to }),

  plan: async ({ product, from, to }) => ({
    action: 'run',
    summary: `helm upgrade ${product.release} from ${from} to ${to}, rolled back on failure, waited for up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  preview: previewRelease,

  async run(ctx, io) {
    const { product, helm } = ctx;
    await assertValuesStand(ctx);
    const schemaNow = await schemaVersion(ctx);
    const begun = ctx.now();
    const revisionBefore = (await helm.current())?.revision ?? 0;
    await io.pointOfNoReturn({ schemaVersion: schemaNow ?? null, helmRevision: revisionBefore });
    const before = schemaAtStart(ctx, schemaNow);
    const { passed } = (await endedWithoutUs(ctx, ctx.values.sha256))
      ? { passed: io.midpoint() }
      : await forward(ctx, io, before);
    await passed;
    const after = await schemaVersion(ctx);
    const release = await helm.current();
    io.log(schemaSentence(before, after));
    const lag = await schemaLag(ctx, begun, after);
    if (lag !== undefined) io.warn(lag.line);
    return {
      helm: { revision: release?.revision ?? null, version: ctx.to, values: ctx.values.sha256 },
      schema: {
        before: before ?? null,
        after: after ?? null,
        target: ctx.release.schema.target,
      },
      restart: lag?.restart ?? null,
      release: product.release,
    };
  },

  async verify(ctx) {
    const release = await ctx.helm.current();
    if (release?.status === 'deployed' && release.appVersion === ctx.to) return;
    throw new IvaapError(
      'failed',
      `the release is ${release?.status ?? 'missing'} with version ${release?.appVersion ?? 'unknown'}, not deployed with ${ctx.to}`,
    );
  },
};

/** Helm reads the file anew: what preflight and overlay were made from must be what it gets. */
async function assertValuesStand({ values, program }: UpgradeContext): Promise<void> {
  if ((await readValuesFile(values.path)).sha256 === values.sha256) return;
  throw new IvaapError(
    'failed',
    `${values.path} was changed while this run went on: what it says now was not checked, and Helm was not started`,
    { hint: `${program} install --upgrade` },
  );
}

/** Repairs Helm's records where a Helm was cut off, and runs Helm. */
async function forward(
  ctx: UpgradeContext,
  io: StepIo,
  before: number | undefined,
): Promise<{ passed: Promise<void> }> {
  const { folder } = snapshotSchema.parse(io.result('upgrade_snapshot')?.snapshot);
  const { act, historyMax, remove } = await repairHelm(ctx, io, 'upgrade', () => folder);
  if (remove.length > 0) io.warn(schemaSentence(before, await schemaVersion(ctx)));
  const revision = (await ctx.helm.history()).at(-1)?.revision ?? 0;
  io.signal.throwIfAborted();
  try {
    return await runHelm(ctx, io, {
      verb: act === 'install' ? 'install' : 'upgrade',
      values: ctx.values.sha256,
      revisionBefore: revision,
      historyMax,
      forceConflicts: ctx.forceConflicts,
    });
  } catch (error) {
    throw await judgeFailure(ctx, io, error, { schema: before, revision });
  }
}

/** Of the first time that Helm started in this upgrade: an attempt before this one may have moved the schema already. */
function schemaAtStart(ctx: UpgradeContext, now: number | undefined): number | undefined {
  const recorded: unknown = ctx.run()?.pointOfNoReturn?.data.schemaVersion;
  return typeof recorded === 'number' ? recorded : now;
}

const restartCommand = ({ product }: UpgradeContext): string =>
  `k3s kubectl delete pod -n ${product.namespace} -l ${product.values.autoMigrate?.restartSelector ?? ''}`;

/**
 * The flag that lets the product migrate reaches its pod at start only, and a change of the flag alone recreates no pod: says
 * which one to delete when the flag is on, the schema is not at its target and the pod is older than this Helm run.
 */
async function schemaLag(
  ctx: UpgradeContext,
  begun: Date,
  schema: number | undefined,
): Promise<{ line: string; restart?: string } | undefined> {
  const { autoMigrate } = ctx.product.values;
  const { target } = ctx.release.schema;
  if (autoMigrate === undefined || schema === undefined || schema >= target) return undefined;
  const at = `the database schema is at version ${schema} (this release's is ${target})`;
  const value = valueAt(ctx.values.root, autoMigrate.path);
  if (String(value) !== autoMigrate.on) {
    return { line: `${at}: ${autoMigrate.path.join('.')} is ${JSON.stringify(value ?? null)}` };
  }
  const scope = { namespace: ctx.product.namespace, selector: autoMigrate.restartSelector };
  const pods = await ctx.kubectl.list('pods', scope).catch(() => []);
  const old = pods
    .map(({ metadata }) => metadata)
    .filter(({ creationTimestamp }) => Date.parse(creationTimestamp ?? '') < begun.getTime());
  if (old.length === 0) return undefined;
  const restart = restartCommand(ctx);
  const names = old.map(({ name }) => name).join(', ');
  return {
    line: `${at}: pod ${names} was not recreated and runs with the old setting. Delete it: ${restart}`,
    restart,
  };
}
