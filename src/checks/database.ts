import { formatBytes } from '../policy/format-bytes.ts';
import { join } from 'node:path';
import { readRegularText } from '../host/regular-file.ts';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { describeHolder } from '../host/database-sessions.ts';
import { dumpLockWaitSeconds } from '../host/postgres.ts';
import { normalizedReference } from '../images/reference.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { notDumped } from '../backup/dump-files.ts';
import { endSession } from '../backup/dump-wait.ts';
import { causeChain } from '../errors.ts';
import type { CheckContext, HostFacts } from './facts.ts';
import { podTemplates } from '../release/pod-templates.ts';

const dotted = (version: number) => `${Math.floor(version / 10_000)}.${version % 10_000}`;

export async function checkDatabase(ctx: CheckContext, facts: HostFacts): Promise<Measurement> {
  const { product } = ctx;
  const limit = 'it answers a query, and no session holds tables that the dump waits for';
  try {
    const { versionNumber, sizeBytes } = await facts.database();
    const [holders, others] = await Promise.all([facts.lockHolders(), facts.otherDatabases()]);
    const beside = others.known && others.value.length > 0 ? `; ${notDumped(others.value)}` : '';
    const answers = `PostgreSQL ${dotted(versionNumber)}, ${formatBytes(sizeBytes)}${beside}`;
    const data = { versionNumber, sizeBytes, otherDatabases: others.known ? others.value.join(', ') : null };
    const [first] = holders.known ? holders.value : [];
    if (first === undefined || !holders.known) return { outcome: 'ok', measured: answers, limit, data };
    // Whoever has held them for longer than the dump waits gives no sign of letting go.
    const forLong = holders.value.some(({ seconds }) => (seconds ?? 0) >= dumpLockWaitSeconds);
    return {
      outcome: forLong ? 'fail' : 'warn',
      measured: `${holders.value.map(describeHolder).join('; ')}: the dump would wait for that, ${dumpLockWaitSeconds} s at most (${answers})`,
      limit,
      fix: `let that session end, or end it: ${await endSession(ctx, first.pid)}`,
      data: { ...data, lockHolders: holders.value.map(({ pid }) => pid).join() },
    };
  } catch (error) {
    return {
      outcome: 'fail',
      measured: `the database does not answer, so no backup can be made (${causeChain(error)[0] ?? ''})`,
      limit,
      fix: `k3s kubectl describe pod -n ${product.namespace} -l ${product.database.selector}`,
      ...(error instanceof Error && 'output' in error && typeof error.output === 'string'
        ? { output: error.output }
        : {}),
    };
  }
}

/** The data folder belongs to one major: the rendered server must be of the same. */
export async function checkPostgresMajor(
  ctx: CheckContext,
  facts: HostFacts,
  rendered: readonly Manifest[],
): Promise<Measurement> {
  const next = renderedMajor(rendered, ctx);
  const running = await facts.database().then(
    ({ versionNumber }) => Math.floor(versionNumber / 10_000),
    () => majorOnDisk(ctx),
  );
  const limit = `the chart renders ${next.major ?? 'an unknown one'} (${next.from})`;
  if (running === undefined) {
    return {
      outcome: 'fail',
      measured: 'not known: the database does not answer, and its folder holds no PG_VERSION',
      limit,
      fix: `k3s kubectl describe pod -n ${ctx.product.namespace} -l ${ctx.product.database.selector}`,
    };
  }
  return { outcome: running === next.major ? 'ok' : 'fail', measured: `PostgreSQL ${running} runs`, limit };
}

/** An image of the payload's is of the release's major; of another one only its tag can tell. */
export function renderedMajor(
  rendered: readonly Manifest[],
  {
    product,
    release,
    index,
  }: {
    product: Pick<Product, 'database'>;
    release: Pick<Release, 'postgresMajor'>;
    index: Pick<PayloadIndex, 'images'>;
  },
): { major: number | undefined; from: string } {
  const { selector, container } = product.database;
  const pairs = selector.split(',').map((pair) => pair.split(/==?/) as [string, string?]);
  const template = podTemplates(rendered).find(({ labels }) =>
    pairs.every(([key, value]) => labels[key] === value),
  );
  const image = template?.containers.find(({ name }) => name === container)?.image;
  if (image === undefined) return { major: undefined, from: `no container ${container} with ${selector}` };
  const ours = index.images.some(
    ({ reference }) => normalizedReference(reference) === normalizedReference(image),
  );
  if (ours) return { major: release.postgresMajor, from: image };
  const tagged = /:v?(\d+)[^/]*$/.exec(image)?.[1];
  return { major: tagged === undefined ? undefined : Number(tagged), from: image };
}

type Volume = KubeObject & { spec?: { hostPath?: { path?: string }; local?: { path?: string } } };

/** What the server wrote into its data folder: also told by a server that does not run. */
async function majorOnDisk({ kubectl, product, signal }: CheckContext): Promise<number | undefined> {
  const { persistentVolume } = product.database.volume;
  const volume = await kubectl.get<Volume>('persistentvolume', persistentVolume, { signal });
  const path = volume?.spec?.hostPath?.path ?? volume?.spec?.local?.path;
  if (path === undefined) return undefined;
  for (const folder of ['', 'pgdata', 'data']) {
    const text = await readRegularText(join(path, folder, 'PG_VERSION')).catch(() => '');
    const major = /^(\d+)\s*$/.exec(text)?.[1];
    if (major !== undefined) return Number(major);
  }
  return undefined;
}
