import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { deployedVersion, type HelmRelease, releaseSecretName } from '../host/helm.ts';
import { runningHelm, ownSpan } from '../host/helm-process.ts';
import { type HelmJudgement, isWithin, judgeHelm } from '../policy/helm-states.ts';
import { sameVersion } from '../version.ts';
import { keepFile } from '../backup/backup-folder.ts';
import type { StepContext } from './context.ts';
import { sudo } from '../shell-word.ts';

type Flow = 'install' | 'upgrade';

/**
 * Helm's records judged by the table of its states, with what the journal knows of our own Helm. Changes
 * nothing.
 */
async function helmState(ctx: StepContext, flow: Flow): Promise<HelmJudgement> {
  const { helm, product } = ctx;
  const { process, emptied } = ctx.helmJournal();
  return judgeHelm(await helm.history(), {
    flow,
    chart: product.chart.name,
    own: process === undefined ? undefined : { after: process.revisionBefore, ...ownSpan(process) },
    emptied: emptied === true,
    now: ctx.now(),
    timeoutSeconds: product.helm.timeoutSeconds,
  });
}

/** Throws `preflight` unless Helm can continue from its records, as they are or once they are repaired. */
export async function assertHelmReady(ctx: StepContext, flow: Flow): Promise<void> {
  assertDead(ctx);
  const { release, namespace } = ctx.product;
  const { act, why, state } = await helmState(ctx, flow);
  if (act !== 'stop') return;
  throw new IvaapError(
    'preflight',
    `the Helm release ${release} in the namespace ${namespace} is not ready: ${why}`,
    {
      hint:
        state === 'none'
          ? `${ctx.program} repair-state`
          : `${sudo.kubectl} get secrets -n ${namespace} -l owner=helm,name=${release} -L status,version`,
    },
  );
}

/**
 * We hold the lock, so none of our Helm processes can be alive; the process is checked all the same before a
 * record of it is deleted.
 */
function assertDead({ product, again, ...ctx }: StepContext): void {
  const own = runningHelm(ctx.helmJournal());
  if (own === undefined) return;
  throw new IvaapError(
    'preflight',
    `helm ${own.verb} ${product.release} (process ${own.pid}) is still running`,
    {
      hint:
        `wait until it has ended (tail --pid=${own.pid} -f ` +
        `/dev/null), then run the same command again: ${again()}`,
    },
  );
}

/**
 * Deletes the records that keep Helm from continuing: each one's Secret is saved in `folder` first, durable
 * and readable by root only. Each part can be interrupted and done again.
 */
export async function repairHelm(
  ctx: StepContext,
  io: StepIo,
  flow: Flow,
  folder: () => string | Promise<string>,
): Promise<HelmJudgement> {
  const { kubectl, product } = ctx;
  const { namespace, release } = product;
  assertDead(ctx);
  const judged = await helmState(ctx, flow);
  if (judged.act === 'stop') {
    throw new IvaapError('failed', `Helm cannot continue with the release ${release}: ${judged.why}`, {
      hint: `${sudo.kubectl} get secrets -n ${namespace} -l owner=helm,name=${release} -L status,version`,
    });
  }
  if (judged.remove.length > 0 && judged.act === 'install') await ctx.recordHelm({ emptied: true });
  for (const revision of judged.remove) {
    const name = releaseSecretName(release, revision);
    const secret = await kubectl.get('secret', name, { namespace });
    if (secret === undefined) continue;
    const path = await keepFile(await folder(), `${name}.json`, `${JSON.stringify(secret)}\n`);
    await kubectl.delete('secret', name, { namespace });
    const status = secret.metadata.labels?.status ?? judged.state;
    io.warn(
      `Helm's revision ${revision} (${foreign(status)}) did not ` +
        `finish: its record is saved as ${path} and deleted`,
    );
  }
  return judged;
}

/**
 * A Helm of this run that outlived its attempt did just this, with the same payload and values (`values`:
 * SHA-256), and it succeeded.
 */
export async function endedWithoutUs(ctx: StepContext, values: string): Promise<boolean> {
  const orphan = ctx.helmJournal().process;
  // With --reapply a run starts again, and so does Helm.
  if (orphan === undefined || orphan.begunAt < (ctx.run()?.startedAt ?? '')) return false;
  if (orphan.values !== values || orphan.payload !== ctx.payload.digest) return false;
  const [release, history] = [await ctx.helm.current(), await ctx.helm.history()];
  const last = history.at(-1);
  if (release === undefined || last === undefined || !isDeployed(release, ctx.to)) return false;
  // Another Helm may have created that revision after ours died, with other values.
  return release.revision === orphan.revisionBefore + 1 && isWithin(last, ownSpan(orphan));
}

/** By meaning: Chart.yaml may say `2026.1.0` where the release is `2026.1`. */
export function isDeployed(release: HelmRelease | undefined, version: string): boolean {
  return release?.status === 'deployed' && sameVersion(deployedVersion(release), version);
}

/** The postcondition of both flows' Helm. */
export async function assertDeployed({ helm, to }: Pick<StepContext, 'helm' | 'to'>): Promise<void> {
  const release = await helm.current();
  if (isDeployed(release, to)) return;
  const found =
    release === undefined ? 'missing' : `${release.status} with version ${foreign(deployedVersion(release))}`;
  throw new IvaapError('failed', `the release is ${found}, not deployed with ${to}`);
}
