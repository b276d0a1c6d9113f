import { IvaapError } from '../errors.ts';
import { isClusterDown, type Kubectl, type KubeObject, type Manifest } from '../host/kubectl.ts';
import { programFailure } from '../host/program-failure.ts';
import { parseConflicts, valueAtField } from '../policy/field-paths.ts';
import type { UpgradeContext } from './context.ts';

/** A field that Helm would set and that somebody else has taken over: Helm's upgrade fails on it, and so does its rollback. */
export interface FieldConflict {
  /** `Deployment/backend`. */
  object: string;
  /** As the API server writes it: `.spec.replicas`. */
  field: string;
  /** The field manager that has it now: `kubectl (scale)`. */
  owner: string;
  /** JSON texts, cut when long; `(hidden)` in a Secret, `(none)` where there is no value. */
  theirs: string;
  ours: string;
}

/** The name under which Helm 4 applies, whatever its file is called. */
const helmManager = 'helm';
const atOnce = 4;
const longestValue = 200;

/**
 * The fields of the objects to come that an operator's `kubectl scale`, `edit` or another program has taken from Helm, found by a
 * server-side apply in Helm's name that the API server only tries. Changes nothing. Objects that are not there yet have none, and
 * what the API server refuses for another reason is no conflict. Throws when it does not answer.
 */
export async function findFieldConflicts(ctx: UpgradeContext, signal: AbortSignal): Promise<FieldConflict[]> {
  const { kubectl, product } = ctx;
  const { namespace, release } = product;
  const rendered = await ctx.rendered();
  const manifests = rendered.map((manifest) => asHelmApplies(manifest, release, namespace));
  const groups = Map.groupBy(manifests, ({ metadata }) => metadata.namespace ?? namespace);
  const found = new Map<Manifest, FieldConflict[]>();
  for (const [of, group] of groups) {
    const scope = { namespace: of, signal };
    const words = await refusal(kubectl, group, scope);
    if (words === undefined || parseConflicts(words).length === 0) continue;
    // kubectl's words about several objects do not say which is which.
    const waiting = [...group];
    const worker = async () => {
      for (let manifest = waiting.shift(); manifest !== undefined; manifest = waiting.shift()) {
        found.set(manifest, await conflictsOf(kubectl, manifest, scope));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }
  return manifests.flatMap((manifest) => found.get(manifest) ?? []);
}

/** One line for people. */
export const conflictLine = ({ object, field, owner, theirs, ours }: FieldConflict): string =>
  `${object} ${field}: ${theirs} by ${owner}, ${ours} in the chart`;

/** Throws `preflight` with every conflict, unless the operator takes the fields over. */
export async function assertNoFieldConflicts(ctx: UpgradeContext, signal: AbortSignal): Promise<void> {
  if (ctx.forceConflicts) return;
  const conflicts = await findFieldConflicts(ctx, signal);
  if (conflicts.length === 0) return;
  const count = conflicts.length === 1 ? 'one field has' : `${conflicts.length} fields have`;
  throw new IvaapError(
    'preflight',
    `${count} been taken over from Helm by somebody else, and the upgrade would fail on it: ${conflicts.map(conflictLine).join('; ')}`,
    {
      hint: `to set them as the chart says: ${ctx.program} install --upgrade --force-conflicts; to keep them, say the same in ${ctx.values.path}`,
    },
  );
}

/** With the labels by which Helm knows its own: it sets them on every object right before it applies. */
function asHelmApplies(manifest: Manifest, release: string, namespace: string): Manifest {
  const { labels, annotations, ...metadata } = manifest.metadata;
  return {
    ...manifest,
    metadata: {
      ...metadata,
      labels: { ...(labels as object | undefined), 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: {
        ...(annotations as object | undefined),
        'meta.helm.sh/release-name': release,
        'meta.helm.sh/release-namespace': namespace,
      },
    },
  };
}

interface ApplyScope {
  namespace: string;
  signal: AbortSignal;
}

/** What the API server said against it, undefined when it would take it. */
async function refusal(
  kubectl: Kubectl,
  manifests: readonly Manifest[],
  scope: ApplyScope,
): Promise<string | undefined> {
  try {
    await kubectl.apply(manifests, { ...scope, dryRun: true, manager: helmManager, timeoutMs: 60_000 });
    return undefined;
  } catch (error) {
    const failure = programFailure(error);
    if (failure?.reason !== 'exit' || isClusterDown(error)) throw error;
    return failure.stderr;
  }
}

async function conflictsOf(
  kubectl: Kubectl,
  manifest: Manifest,
  scope: ApplyScope,
): Promise<FieldConflict[]> {
  const words = await refusal(kubectl, [manifest], scope);
  // Fields of an older Helm that did not apply on the server are Helm's own: it takes them along.
  const owned = parseConflicts(words ?? '').filter(({ owner }) => owner !== helmManager);
  if (owned.length === 0) return [];
  const { kind, metadata, apiVersion } = manifest;
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  const live = await kubectl.get<KubeObject>(
    group === undefined ? kind : `${kind}.${group}`,
    metadata.name,
    scope,
  );
  return owned.map(({ owner, field }) => ({
    object: `${kind}/${metadata.name}`,
    field,
    owner,
    theirs: shown(kind, valueAtField(live, field)),
    ours: shown(kind, valueAtField(manifest, field)),
  }));
}

function shown(kind: string, value: unknown): string {
  if (value === undefined) return '(none)';
  if (kind === 'Secret') return '(hidden)';
  const text = JSON.stringify(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}
