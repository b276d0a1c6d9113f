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

/**
 * Waits until the copy `name` has the schema version `target`, and returns the seconds since it was called.
 * Throws 'failed' with the end of the pod's log where the pod has ended, cannot start or does not come on.
 * `each` is called about once a second, with the version.
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
): Promise<number> {
  const { product } = ctx;
  const { name, target, timeoutSeconds, signal } = how;
  const copy = ctx.database.on(name);
  const started = performance.now();
  const watch = new MigrationWatch(graceMsOf(product));
  for (;;) {
    signal.throwIfAborted();
    const version = await copy.schemaVersion(product.database.schemaVersionQuery, signal);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (version >= target) return seconds;
    await how.each(version);
    const [pod] = await ctx.kubectl.list<Pod>('pod', { ...podsOf(product), signal });
    const ended = endOf(pod);
    if (ended !== undefined) throw await failed(ctx, `schema version ${version}: ${ended}`, signal);
    const objects = async () => (await readSchemaFingerprint(copy, signal)).hash;
    const stuck = await watch.judge(await sampleOf(ctx.database, name, version, signal), objects);
    if (stuck !== undefined) throw await failed(ctx, stuck, signal);
    if (seconds > timeoutSeconds) {
      const why = `after ${timeoutSeconds} s the schema version is ${version} instead of ${target}`;
      throw await failed(ctx, why, signal);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
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
async function failed({ kubectl, product }: Watched, why: string, signal: AbortSignal): Promise<IvaapError> {
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
