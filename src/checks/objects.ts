import { releaseSecretName } from '../host/helm.ts';
import type { Manifest } from '../host/kubectl.ts';
import { tryCreate } from '../host/server-questions.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { commandFor, plainRefusal } from '../policy/refusal.ts';
import { adoptCommand, foreignOwner } from '../release/object-owner.ts';
import type { Answer, DeployedRecord } from '../release/answered-objects.ts';
import { recordRepairCommand } from '../release/record-repair.ts';
import { foreign } from '../foreign.ts';
import { quotaOf } from '../policy/quota-use.ts';
import { tryMade } from '../release/made-objects.ts';
import { fullQuotas } from '../release/full-quotas.ts';
import { toEdit } from '../shell-word.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import type { HostFacts } from './facts.ts';

export const objects: Check<UpgradeCheckContext> = {
  id: 'objects',
  kind: 'outage',
  title: 'API server accepts the objects and their pods',
  limit: 'the API server accepts it, and Helm owns what exists',
  limitInFull:
    'a server-side dry run as Helm accepts each object of the chart, each pod template whose ' +
    'pods are replaced, what controllers create besides pods (ReplicaSets, revisions, claims), ' +
    'and hooks; Helm’s own record is readable and its next one accepted; quotas have room for ' +
    'all new objects together',
  why: 'Helm would fail on it after it has replaced other pods',
  fix: 'fix what the API server names',
  timeoutSeconds: 180,
  flows: ['upgrade'],
  measure: refusals,
};

/**
 * Each object that Helm would fail on, or whose pods would not be created, once and with the server's own
 * message.
 */
async function refusals(ctx: UpgradeCheckContext, facts: HostFacts): Promise<Measurement[]> {
  const { product, signal } = ctx;
  const answers = await ctx.answers(signal);
  const pods = await ctx.podTrials();
  const { quotas, allClaims } = await facts.cluster();
  const { objects, deployed } = answers;
  const found: Measurement[] = [];
  const refused = (name: { kind: string; name: string; namespace: string }, refusal: string, what = '') => {
    const fix = commandFor(refusal, name) ?? toEdit(ctx.values.path);
    found.push(bad(`${name.kind}/${name.name}`, `${what}${foreign(plainRefusal(refusal))}`, fix));
  };
  for (const answer of objects) {
    const { kind, metadata } = answer.manifest;
    const name = { kind, name: metadata.name, namespace: metadata.namespace ?? product.namespace };
    const owner = foreignOwner(answer, deployed, product);
    if (owner !== undefined)
      found.push(bad(`${kind}/${metadata.name}`, owner, adoptCommand(answer, product)));
    else if (answer.refusal !== undefined) refused(name, answer.refusal);
  }
  for (const { workload, namespace, refusal } of pods) {
    const [kind = '', name = ''] = workload.split('/');
    if (refusal !== undefined) refused({ kind, name, namespace }, refusal, 'its pods: ');
  }
  const made = await tryMade(ctx, answers, allClaims, signal);
  for (const { workload, object, refusal } of made.trials) {
    const [kind = '', name = ''] = workload.split('/');
    const { namespace = product.namespace } = object.metadata;
    if (refusal !== undefined) refused({ kind, name, namespace }, refusal, `its ${object.kind}: `);
  }
  for (const hook of await refusedHooks(ctx, signal)) refused(hook.name, hook.refusal, 'its hook: ');
  const record = await tryRecord(ctx, deployed, signal);
  const { refusal } = record;
  if (refusal !== undefined) refused(record.name, refusal, "Helm's own record of the upgrade: ");
  const created = objects.flatMap(({ live, next }) =>
    live === undefined && next !== undefined ? [next] : [],
  );
  const all = [...created, ...(refusal === undefined ? [record.object] : [])] as Manifest[];
  found.push(...fullQuotas(quotas.map(quotaOf), all, made, product.namespace));
  if (deployed !== undefined) found.push(...unreadable(ctx, deployed, objects));
  if (found.length > 0) return found;
  const measured = `${objects.length} objects and ${pods.length} pod templates tried`;
  return [{ outcome: 'ok', measured }];
}

const bad = (part: string, measured: string, fix: string): Measurement => ({
  part,
  outcome: 'fail',
  measured,
  fix,
});

/** Helm reads its complete record before it does anything. */
function unreadable(
  ctx: UpgradeCheckContext,
  deployed: DeployedRecord,
  objects: readonly Answer[],
): Measurement[] {
  return deployed.unserved.map((one) =>
    bad(
      `${one.kind}/${one.metadata.name}`,
      `revision ${deployed.revision} in Helm's record holds it as ${one.apiVersion}, ` +
        'which this Kubernetes no longer serves: Helm cannot read its record',
      recordRepairCommand(ctx.product, deployed, one, objects),
    ),
  );
}

/**
 * Helm first creates a Secret, which a quota or a policy may refuse like any other object. AlreadyExists is
 * not a refusal: admission let it pass, and Helm uses a later number.
 */
async function tryRecord(
  { kubectl, product }: UpgradeCheckContext,
  deployed: DeployedRecord | undefined,
  signal: AbortSignal,
) {
  const { namespace, release } = product;
  const revision = (deployed?.revision ?? 0) + 1;
  const name = { kind: 'Secret', name: releaseSecretName(release, revision), namespace };
  const labels = { owner: 'helm', name: release, status: 'pending-upgrade', version: String(revision) };
  const object = {
    apiVersion: 'v1',
    kind: name.kind,
    metadata: { name: name.name, namespace, labels },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from('tried').toString('base64') },
  };
  const { refusal } = await tryCreate(kubectl, [object as Manifest], { namespace, signal });
  return { name, object, ...(refusal === undefined || /AlreadyExists/.test(refusal) ? {} : { refusal }) };
}

const upgradeHook = /(^|,)\s*(pre|post)-upgrade\s*(,|$)/;

/** Objects of hooks are created again, here under a generated name: one of an earlier run may still exist. */
async function refusedHooks({ kubectl, rendered, product }: UpgradeCheckContext, signal: AbortSignal) {
  const all = await rendered({ hooks: true });
  const hooks = all.filter(({ metadata }) => {
    const annotations = metadata?.['annotations'] as Record<string, unknown> | undefined;
    return upgradeHook.test(String(annotations?.['helm.sh/hook'] ?? ''));
  });
  const tried = hooks.map(async (manifest) => {
    const { name, namespace = product.namespace, ...metadata } = manifest.metadata;
    const unnamed = { ...manifest, metadata: { ...metadata, namespace, generateName: `${name}-` } };
    const { refusal } = await tryCreate(kubectl, [unnamed as unknown as typeof manifest], {
      namespace,
      signal,
    });
    return refusal === undefined ? [] : [{ name: { kind: manifest.kind, name, namespace }, refusal }];
  });
  return (await Promise.all(tried)).flat();
}
