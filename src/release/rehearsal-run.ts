import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { literal } from '../host/database-sql.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { type Pod, podState } from '../host/pods.ts';
import type { Postgres } from '../host/postgres.ts';
import { readSchemaFingerprint } from '../host/schema-fingerprint.ts';
import type { Product } from '../payload/product-schema.ts';
import { MigrationWatch } from '../policy/migration-watch.ts';
import { podTrouble } from './pod-trouble.ts';
import { graceMsOf } from './pod-watch.ts';
import { podsOf } from './rehearsal-objects.ts';

interface Watched {
  kubectl: Kubectl;
  product: Product;
  /** Of the live server; asked for the copy. */
  database: Postgres;
}

const pauseMs = 1000;
const logLines = 20;

/** How a migration of the copy has ended: in so many seconds, or with an error of its own. */
export type MigrationEnd = { seconds: number } | { failure: IvaapError };

/**
 * Waits until the copy `name` has the schema version `target`. It has failed where its pod has ended, cannot
 * start or does not come on, without any harm from outside: the error has the end of the pod's log. Throws
 * 'failed' where that cannot be told, such as where the pod was evicted or the server was restarted. `each`
 * is called about once a second, with the version.
 */
export async function migrated(
  ctx: Watched,
  how: {
    name: string;
    target: number;
    timeoutSeconds: number;
    signal: AbortSignal;
    each: (version: number) => Promise<void>;
  },
): Promise<MigrationEnd> {
  const { product } = ctx;
  const { name, target, timeoutSeconds, signal } = how;
  const copy = ctx.database.on(name);
  const started = performance.now();
  const server = await serverStart(ctx.database, signal);
  const watch = new MigrationWatch(graceMsOf(product));
  let seen = false;
  const failed = async (why: string, pod?: Pod): Promise<MigrationEnd> => {
    const harm = harmOf(pod, seen);
    if (harm !== undefined) throw ended(harm);
    if ((await serverStart(ctx.database, signal)) !== server)
      throw ended('the database server was restarted');
    return { failure: await failureOf(ctx, why, signal) };
  };
  for (;;) {
    signal.throwIfAborted();
    const version = await copy.schemaVersion(product.database.schemaVersionQuery, signal);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (version >= target) return { seconds };
    await how.each(version);
    const [pod] = await ctx.kubectl.list<Pod>('pod', { ...podsOf(product), signal });
    if (pod === undefined && seen) return failed('', pod);
    seen ||= pod !== undefined;
    const end = endOf(pod);
    if (end !== undefined) return failed(`schema version ${version}: ${end}`, pod);
    const objects = async () => (await readSchemaFingerprint(copy, signal)).hash;
    const stuck = await watch.judge(await sampleOf(ctx.database, name, version, signal), objects);
    if (stuck !== undefined) return failed(stuck, pod);
    if (seconds > timeoutSeconds)
      return failed(`after ${timeoutSeconds} s the schema version is ${version} instead of ${target}`, pod);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The migration may be as good as any: nothing is said of it. */
const ended = (why: string) =>
  new IvaapError('failed', `what migrated the copy was ended from outside: ${why}`, {
    hint: 'the live database is as it was; run the same command again',
  });

/** When the server's main process was started: sessions that end with it are no fault of theirs. */
async function serverStart(database: Postgres, signal: AbortSignal): Promise<string> {
  const [[time = ''] = []] = await database.query('SELECT pg_postmaster_start_time()', signal);
  return time;
}

/** A process that was ended by a signal, or with its container's own process. */
const killedBy = new Set([129, 130, 131, 137, 143]);

/**
 * What has ended a pod beside its program: its memory limit is one of the new release, and no such harm.
 * Undefined where there was nothing.
 */
function harmOf(pod: Pod | undefined, seen: boolean): string | undefined {
  if (pod === undefined) return seen ? 'its pod was deleted' : 'its pod was never made';
  const { reason, message, conditions = [], containerStatuses = [] } = pod.status;
  const disrupted = conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  if (disrupted !== undefined) return foreign(disrupted.message ?? disrupted.reason ?? 'its pod was evicted');
  if (reason !== undefined && reason !== 'DeadlineExceeded') return foreign(`${reason}: ${message ?? ''}`);
  if (pod.metadata.deletionTimestamp !== undefined) return 'its pod was deleted';
  for (const { state } of containerStatuses) {
    const { exitCode = 0, reason: how } = state?.terminated ?? {};
    // What a node says of what ran when it went down.
    if (how === 'Unknown' || how === 'ContainerStatusUnknown') return 'the node was restarted';
    if (killedBy.has(exitCode) && how !== 'OOMKilled') return `it was killed (exit code ${exitCode})`;
  }
  return undefined;
}

/** Why a pod will not migrate any more; undefined while it may, and where there is none yet. */
function endOf(pod: Pod | undefined): string | undefined {
  if (pod === undefined) return undefined;
  const { phase } = pod.status;
  if (phase === 'Succeeded') return 'its pod has ended without migrating any further';
  const found = podTrouble(pod, [], new Date());
  const isOver = phase === 'Failed' || ['image', 'config', 'crash'].includes(found?.kind ?? '');
  if (!isOver) return undefined;
  return found?.message ?? podState(pod).trouble.join('; ');
}

async function sampleOf(database: Postgres, name: string, version: number, signal: AbortSignal) {
  const [[rollbacks = '', open = ''] = []] = await database.query(
    `SELECT xact_rollback, (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)
       FROM pg_stat_activity WHERE usename = ${literal(name)})
     FROM pg_stat_database WHERE datname = ${literal(name)}`,
    signal,
  );
  return { atMs: performance.now(), version, rollbacks: Number(rollbacks), openSeconds: Number(open) };
}

/** With what the pod says itself: that names the table and the row. */
async function failureOf(
  { kubectl, product }: Watched,
  why: string,
  signal: AbortSignal,
): Promise<IvaapError> {
  const { namespace } = product;
  const pods = await kubectl.list<Pod>('pod', { ...podsOf(product), signal });
  const logs = await Promise.all(
    pods.map(({ metadata }) =>
      kubectl.logs({ namespace, pod: metadata.name }, { tailLines: logLines, signal }).catch(() => ''),
    ),
  );
  const lines = logs.flatMap((log) => log.trimEnd().split('\n').filter(Boolean));
  const last = lines.findLast((line) => /error|fail|violat|denied|exception/i.test(line)) ?? lines.at(-1);
  const says = last === undefined ? '' : `; its log says: ${foreign(last.slice(0, 300))}`;
  return new IvaapError('failed', `the migration failed on the copy: ${why}${says}`, {
    output: lines.join('\n'),
    hint: 'the live database is as it was; give this output to the vendor, and do not upgrade yet',
  });
}
