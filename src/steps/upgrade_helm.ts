import type { Step, StepIo } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import type { HelmRevision } from '../host/helm.ts';
import { valueAt } from '../policy/values-patches.ts';
import type { UpgradeContext } from './context.ts';
import { fqdnOf, probeUntilHealthy } from './health.ts';
import { runHelm } from './helm_run.ts';
import { type HelmAftermath, helmVerdict, schemaSentence } from './helm_verdict.ts';
import { restoreCommands } from './restore_commands.ts';
import { type PgDump, pgDumpSchema } from './upgrade_pg_backup.ts';
import { readValuesFile } from './values_file.ts';

/** How long the old release may take to answer after Helm rolled back; its pods are ready by then. */
const rollbackProbeMs = 60_000;

/** `helm upgrade` with rollback on failure, from the payload's own Helm; a failure is judged by what runs afterwards. */
export const upgradeHelm: Step<UpgradeContext> = {
  id: 'upgrade_helm',
  title: 'Upgrade the release',
  needs: ['upgrade_migrate'],
  midpoint: 'helm-ended',
  revision: 1,
  inputs: ({ values, payload, to }) => ({ values: values.sha256, payload: payload.digest, to }),

  plan: async ({ product, from, to }) => ({
    action: 'run',
    summary: `helm upgrade ${product.release} from ${from} to ${to}, rolled back on failure, waited for up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  async run(ctx, io) {
    const { product, helm } = ctx;
    const schemaNow = await schemaVersion(ctx);
    const begun = ctx.now();
    const revisionBefore = (await helm.current())?.revision ?? 0;
    await io.pointOfNoReturn({ schemaVersion: schemaNow ?? null, helmRevision: revisionBefore });
    const before = schemaAtStart(ctx, schemaNow);
    try {
      await runHelm(ctx, io, 'upgrade');
    } catch (error) {
      throw await judged(ctx, io, error, before);
    }
    await io.midpoint();
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

async function schemaVersion({ database, product }: UpgradeContext): Promise<number | undefined> {
  return database.schemaVersion(product.database.schemaVersionQuery).catch(() => undefined);
}

/** Of the first time that Helm started in this upgrade: an attempt before this one may have moved the schema already. */
function schemaAtStart(ctx: UpgradeContext, now: number | undefined): number | undefined {
  const recorded: unknown = ctx.run()?.pointOfNoReturn?.data.schemaVersion;
  return typeof recorded === 'number' ? recorded : now;
}

async function judged(
  ctx: UpgradeContext,
  io: StepIo,
  error: unknown,
  schemaBefore: number | undefined,
): Promise<IvaapError> {
  const { from, to, product } = ctx;
  const schemaAfter = await schemaVersion(ctx);
  const stands = await releaseAfterFailure(ctx);
  const healthy = await answers(ctx).catch(() => undefined);
  const verdict = helmVerdict({ from, to, ...stands, schemaBefore, schemaAfter, healthy });
  const dump = dumpOfTheOldSchema(ctx, io, schemaBefore);
  const output = error instanceof IvaapError ? (error.output ?? '') : '';
  const lines = [output, ...dumpLines(dump)];
  if (verdict.code === 'schema_moved' && dump !== undefined) {
    const pod = await ctx.database.pod().catch(() => `POD_OF_${product.database.selector}`);
    lines.push(
      `To restore the database of ${from} (the moved one is kept as ${product.database.name}_moved):`,
      ...restoreCommands(product, { pod, dumpPath: dump.path, owner: dump.owner }).map((line) => `  ${line}`),
    );
  }
  return new IvaapError(verdict.code, verdict.message, {
    cause: new Error(causeChain(error)[0] ?? 'Helm failed'),
    output: lines.filter((line) => line !== '').join('\n'),
    hint: `Mend the cause (often ${ctx.values.path}), then: ${ctx.program} install --upgrade`,
  });
}

function dumpLines(dump: PgDump | undefined): string[] {
  return dump === undefined
    ? ['There is no dump of this upgrade.']
    : [`Dump from before: ${dump.path}`, `SHA-256: ${dump.sha256}`];
}

/**
 * The newest dump that brings the old schema back: this run's, unless it was taken after the schema had moved; then the one that was
 * kept when Helm first started.
 */
function dumpOfTheOldSchema(
  ctx: UpgradeContext,
  io: StepIo,
  schemaBefore: number | undefined,
): PgDump | undefined {
  const helmStarted = ctx.run()?.pointOfNoReturn?.at ?? '';
  for (const candidate of [io.result('upgrade_pg_backup')?.pgDump, ctx.anchor()?.pgDump]) {
    const { success, data } = pgDumpSchema.safeParse(candidate);
    if (success && (data.schemaVersion === schemaBefore || data.takenAt <= helmStarted)) return data;
  }
  return undefined;
}

async function releaseAfterFailure({
  helm,
}: UpgradeContext): Promise<Pick<HelmAftermath, 'release' | 'releaseWords'>> {
  let last: HelmRevision | undefined;
  try {
    last = (await helm.history()).at(-1);
  } catch {
    return { release: 'unknown', releaseWords: 'not known: Helm could not be asked' };
  }
  if (last === undefined) return { release: 'unknown', releaseWords: 'gone' };
  const releaseWords = `${last.status}, revision ${last.revision}: ${last.description}`;
  if (last.status === 'deployed') return { release: 'rolled-back', releaseWords };
  return { release: last.status.startsWith('pending') ? 'pending' : 'failed', releaseWords };
}

async function answers(ctx: UpgradeContext): Promise<boolean> {
  const fqdn = fqdnOf(ctx.product, await readValuesFile(ctx.paths.values));
  for (const route of ctx.product.health) {
    const { healthy } = await probeUntilHealthy(route, fqdn, { timeoutMs: rollbackProbeMs });
    if (!healthy) return false;
  }
  return true;
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
