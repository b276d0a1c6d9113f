import type { HelmRevision } from '../host/helm.ts';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { getAll, tryApply, type Trial } from '../host/server-questions.ts';
import { parseConflicts } from '../policy/field-paths.ts';
import { missingNamespace } from '../policy/refusal.ts';
import type { Answer, ServerAnswers, ServerObject } from './answered-objects.ts';
import type { UpgradeContext } from './context.ts';
import { releaseMarks } from './release-marks.ts';
import { parseRendered } from './rendered-chart.ts';
import { byNamespace, tryEach } from './try-each.ts';

/**
 * Objects that are in Helm's record and not in the new chart: Helm removes them after it has created the
 * rest.
 */
export const removedObjects = ({ objects, deployed }: ServerAnswers): Manifest[] =>
  (deployed?.objects ?? []).filter(
    (one) =>
      !objects.some(
        ({ manifest: { kind, metadata } }) => kind === one.kind && metadata.name === one.metadata.name,
      ),
  );

/** The field manager's name of Helm 4, whatever its file is called. */
export const helmManager = 'helm';

/** Queries on the first call and caches the answer; a failed query is repeated. */
export function answersOnce(ctx: () => UpgradeContext): UpgradeContext['answers'] {
  let known: Promise<ServerAnswers> | undefined;
  return (signal) => {
    known ??= askServer(ctx(), signal).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

/**
 * Every object of the chart as the API server would accept it from Helm, tried by a server-side dry run as
 * Helm, next to the live object. Throws when the server does not answer.
 */
async function askServer(ctx: UpgradeContext, signal: AbortSignal): Promise<ServerAnswers> {
  const { namespace, release } = ctx.product;
  const [rendered, deployed] = await Promise.all([ctx.rendered(), deployedRecord(ctx)]);
  // An object with generateName never meets an existing one.
  const manifests = rendered
    .filter(({ metadata }) => metadata?.['generateName'] === undefined)
    .map((manifest) => asHelmApplies(manifest, release, namespace));
  const [live, trials] = await Promise.all([
    liveObjects(ctx, [...manifests, ...(deployed?.objects ?? [])].filter(isNamed), signal),
    tryAll(ctx, manifests, signal),
  ]);
  const created = new Set(
    rendered.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name),
  );
  const objects = manifests.map((manifest, place): Answer => {
    const { next, conflicts, refusal } = trials[place] as TriedObject;
    const there = live.find(manifest);
    // Helm creates a namespace of the chart before the objects in it.
    const refused = refusal !== undefined && !created.has(missingNamespace(refusal) ?? '');
    return {
      manifest,
      conflicts,
      live: there,
      next,
      ...(refused ? { refusal } : {}),
    };
  });
  return {
    objects,
    deployed: deployed && {
      ...deployed,
      unserved: live.unserved.filter((one) => deployed.objects.includes(one)),
      live: live.find,
    },
  };
}

async function deployedRecord({ helm }: UpgradeContext) {
  const history = await helm.history();
  const last = history.at(-1);
  const deployed = deployedRevision(history);
  if (last === undefined || deployed === undefined) return undefined;
  const { revision } = deployed;
  const { objects } = parseRendered(await helm.manifest(revision));
  return { revision, lastRevision: last.revision, objects };
}

/** Helm compares with the deployed revision; a failed revision has left it as it was. */
const deployedRevision = (history: readonly HelmRevision[]) =>
  history.findLast(({ status }) => status === 'deployed') ?? history.at(-1);

/** An object without a name cannot exist. */
const isNamed = ({ metadata }: Manifest) => typeof metadata?.name === 'string';

const group = (apiVersion: string) => (apiVersion.includes('/') ? apiVersion.split('/')[0] : '');

function identityOf({ apiVersion, kind, metadata }: Manifest | KubeObject, namespace: string): string {
  return `${group(apiVersion)} ${kind} ${namespace} ${metadata.name}`;
}

async function liveObjects(ctx: UpgradeContext, manifests: readonly Manifest[], signal: AbortSignal) {
  const { kubectl, product } = ctx;
  const groups = byNamespace(manifests, product.namespace);
  const found = await Promise.all(
    [...groups].map(([namespace, some]) => getAll(kubectl, some, { namespace, signal })),
  );
  const objects = new Map(
    found
      .flatMap((one) => one.objects as ServerObject[])
      .map((object) => [identityOf(object, object.metadata.namespace ?? ''), object]),
  );
  return {
    unserved: found.flatMap((one) => one.unserved),
    find: (manifest: Manifest) =>
      objects.get(identityOf(manifest, manifest.metadata.namespace ?? product.namespace)) ??
      objects.get(identityOf(manifest, '')),
  };
}

type TriedObject = Pick<Answer, 'next' | 'conflicts' | 'refusal'>;

async function tryAll(
  ctx: UpgradeContext,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<TriedObject[]> {
  const found = await tryEach<TriedObject>(manifests, ctx.product.namespace, {
    together: (some, namespace) => tryThese(ctx, some, { namespace, signal }, false),
    taken: (object) => ({ next: object as ServerObject, conflicts: [] }),
    alone: (manifest, namespace) => tryOne(ctx, manifest, { namespace, signal }),
  });
  return manifests.map((manifest) => found.get(manifest) as TriedObject);
}

const tryThese = (
  { kubectl }: UpgradeContext,
  manifests: readonly Manifest[],
  question: { namespace: string; signal: AbortSignal },
  force: boolean,
): Promise<Trial> => tryApply(kubectl, manifests, { ...question, manager: helmManager, force });

async function tryOne(
  ctx: UpgradeContext,
  manifest: Manifest,
  question: { namespace: string; signal: AbortSignal },
): Promise<TriedObject> {
  let trial = await tryThese(ctx, [manifest], question, false);
  const conflicts = trial.refusal === undefined ? [] : parseConflicts(trial.refusal);
  // A conflict hides any other refusal of the server.
  if (conflicts.length > 0) trial = await tryThese(ctx, [manifest], question, true);
  if (trial.refusal !== undefined) return { conflicts, refusal: trial.refusal };
  const [next] = trial.objects as ServerObject[];
  return { conflicts, next };
}

/** Helm sets these on every object right before it applies it. */
export function asHelmApplies(manifest: Manifest, release: string, namespace: string): Manifest {
  const { labels, annotations, ...metadata } = manifest.metadata ?? {};
  return {
    ...manifest,
    metadata: {
      ...metadata,
      labels: { ...(labels as object | undefined), 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: {
        ...(annotations as object | undefined),
        ...releaseMarks({ release, namespace }),
      },
    },
  };
}
