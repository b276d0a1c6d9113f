import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, Preview } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { FieldChange, FieldValue, ManifestDiff, PodChange } from '../policy/manifest-diff.ts';
import { forecastSchema } from '../policy/schema-forecast.ts';
import { type PlainJson, valueAt } from '../policy/values-patches.ts';
import type { UpgradeContext } from './context.ts';
import { conflictLine, type FieldConflict, findFieldConflicts } from './field-conflicts.ts';
import { type ReleaseChange, releaseChange } from './release-change.ts';
import { flagText } from './migrating.ts';
import { sudo } from '../shell-word.ts';

/** A part of the preview that may be unavailable: it does not hide others. */
type Known<T> = { value: T } | { why: string };

/**
 * What `helm upgrade` will change: objects with their fields, pods, schema, and fields that others own.
 * Read-only.
 */
export async function previewRelease(ctx: UpgradeContext, signal: AbortSignal): Promise<Preview> {
  const [change, schemaNow, conflicts] = await Promise.all([
    known(withoutSecrets(ctx, signal)),
    known(ctx.database.schemaVersion(ctx.product.database.schemaVersionQuery, signal)),
    known(findFieldConflicts(ctx, signal)),
  ]);
  const schema = schemaForecast(ctx, schemaNow, change);
  const brief = [
    ...('why' in change
      ? ['changes not known']
      : [objectText(change.value.diff), podText(change.value.pods)]),
    schema.line,
  ];
  return {
    brief: brief.join('; '),
    details: [
      ...('why' in change ? [`chart: not known: ${change.why}`] : changeLines(change.value)),
      schema.line,
      ...('why' in schemaNow ? [`  not known: ${schemaNow.why}`] : []),
      ...conflictLines(conflicts, ctx.forceConflicts),
    ],
    data: {
      chart: 'why' in change ? { notKnown: change.why } : json(change.value),
      schema: {
        now: 'why' in schemaNow ? null : schemaNow.value,
        min: ctx.release.schema.min,
        target: ctx.release.schema.target,
        change: schema.change,
      },
      conflicts: 'why' in conflicts ? { notKnown: conflicts.why } : json(conflicts.value),
      forceConflicts: ctx.forceConflicts,
    },
  };
}

const known = <T>(asked: Promise<T>): Promise<Known<T>> =>
  asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ why: causeChain(error).slice(0, 2).join(': ') }),
  );

const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject;

/** The change, after the secrets of the old release are known as such. */
async function withoutSecrets(ctx: UpgradeContext, signal: AbortSignal): Promise<ReleaseChange> {
  const change = await releaseChange(ctx, signal);
  const values = await ctx.helm.values({ revision: change.revision.deployed });
  hideSecrets(ctx, JSON.parse(values) as PlainJson);
  return change;
}

/** What was secret in the values of the old release: the operator's file may have other secrets by now. */
function hideSecrets({ product, hide }: UpgradeContext, values: PlainJson): void {
  const each = (value: PlainJson | undefined): void => {
    if (typeof value === 'string') hide(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(each);
  };
  for (const path of product.values.secrets) each(valueAt(values, path));
}

function schemaForecast(ctx: UpgradeContext, schemaNow: Known<number>, change: Known<ReleaseChange>) {
  const { product, release, values } = ctx;
  const { autoMigrate } = product.values;
  const workload = product.workloads.find(({ id }) => id === autoMigrate?.workload);
  const flag = autoMigrate === undefined ? undefined : valueAt(values.root, autoMigrate.path);
  const name = workload === undefined ? '' : `${workload.kind}/${workload.name}`;
  return forecastSchema({
    now: 'why' in schemaNow ? undefined : schemaNow.value,
    ...release.schema,
    automatic:
      autoMigrate === undefined
        ? undefined
        : {
            on: String(flag) === autoMigrate.on,
            flag: flagText(autoMigrate, flag),
            restarts:
              'why' in change
                ? undefined
                : change.value.pods.some(
                    ({ workload: one, how, strategy }) =>
                      one === name && (how === 'start' || (how === 'restart' && strategy !== 'OnDelete')),
                  ),
            workload: workload?.name ?? autoMigrate.workload,
            restart: `${sudo.kubectl} delete pod -n ${product.namespace} -l ${autoMigrate.restartSelector}`,
          },
  });
}

const objectText = ({ added, changed, removed }: ManifestDiff): string =>
  `objects: ${added.length} added, ${changed.length} changed, ${removed.length} removed`;

function podText(all: ReleaseChange['pods']): string {
  // Those of OnDelete keep running.
  const pods = all.filter(({ how, strategy }) => how !== 'restart' || strategy !== 'OnDelete');
  const count = (how: PodChange['how']) => pods.filter((pod) => pod.how === how).length;
  const parts = (['restart', 'start', 'stop', 'scale'] as const).flatMap((how) =>
    count(how) === 0 ? [] : [`${count(how)} ${how}`],
  );
  return parts.length === 0 ? 'no pod restarts' : `workloads whose pods change: ${parts.join(', ')}`;
}

function changeLines({ revision, diff, drift, pods, hooks }: ReleaseChange): string[] {
  return [
    `Helm revision ${revision.next}, compared with the live objects (revision ${revision.deployed})`,
    ...driftLines(drift),
    objectText(diff),
    ...diff.added.map((object) => `  + ${object}`),
    ...changedLines(diff.changed),
    ...diff.removed.map(
      ({ object, kept }) => `  - ${object}${kept ? ' (leaves the release, stays in the cluster)' : ''}`,
    ),
    podText(pods),
    ...pods.map((pod) => `  ${podLine(pod)}`),
    ...(hooks.length === 0 ? [] : [`hooks that Helm runs: ${hooks.length}`]),
    ...hooks.map(({ object, events }) => `  ${events.join(', ')}: ${object}`),
  ];
}

/**
 * What others have changed since the last upgrade: Helm sets it back, or leaves it where the chart does not
 * set it.
 */
function driftLines(drift: ManifestDiff | undefined): string[] {
  if (drift === undefined)
    return ["changed by others since: not known, the API server does not accept Helm's record"];
  const { changed, removed } = drift;
  if (changed.length + removed.length === 0) return [];
  return [
    `! changed by others since the last upgrade: ${changed.length} objects, deleted: ${removed.length}`,
    ...changed.flatMap(({ object, fields }) => [`  ~ ${object}`, ...fields.map(fieldLine)]),
    ...removed.map(({ object }) => `  - ${object}`),
  ];
}

/** What changes alike in all of them, such as a version's label, is printed once. */
function changedLines(changed: ManifestDiff['changed']): string[] {
  const [first, ...others] = changed;
  const alike = (field: FieldChange) =>
    others.length > 0 &&
    others.every(({ fields }) => fields.some((other) => isDeepStrictEqual(other, field)));
  const common = first?.fields.filter(alike) ?? [];
  const isCommon = (field: FieldChange) => common.some((other) => isDeepStrictEqual(other, field));
  return [
    ...(common.length === 0 ? [] : [`  ~ all ${changed.length} that change:`, ...common.map(fieldLine)]),
    ...changed.flatMap(({ object, fields }) => [
      `  ~ ${object}`,
      ...fields.filter((field) => !isCommon(field)).map(fieldLine),
    ]),
  ];
}

function fieldLine({ path, from, to }: FieldChange): string {
  if (from === undefined) return `      ${path}: new, ${shown(to)}`;
  if (to === undefined) return `      ${path}: removed, was ${shown(from)}`;
  return `      ${path}: ${shown(from)} -> ${shown(to)}`;
}

const longestValue = 100;

function shown(value: FieldValue | undefined): string {
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value ?? null);
  return foreign(text.length > longestValue ? `${text.slice(0, longestValue)}...` : text);
}

function podLine({ workload, how, strategy, names }: ReleaseChange['pods'][number]): string {
  const pods = names.length === 0 ? '' : ` (${names.join(', ')})`;
  if (how === 'start') return `${workload}: starts`;
  if (how === 'stop') return `${workload}: stops${pods}`;
  if (how === 'scale') return `${workload}: different number of pods${pods}`;
  if (strategy === 'OnDelete') return `${workload}: restarts only when its pods are deleted${pods}`;
  const stopsFirst = strategy === 'Recreate' || workload.includes('StatefulSet/');
  return (
    `${workload}: restarts, the old pod stops ` +
    `${stopsFirst ? 'first' : 'when the new one is ready'}${pods}`
  );
}

function conflictLines(conflicts: Known<FieldConflict[]>, forced: boolean): string[] {
  if ('why' in conflicts) return [`fields that others have changed: not known: ${conflicts.why}`];
  if (conflicts.value.length === 0) return ['fields that others have changed: none'];
  const what = forced ? 'taken back (--force-conflicts)' : 'Helm would fail on them';
  return [
    `${forced ? '' : '! '}fields that others have changed: ${conflicts.value.length}, ${what}`,
    ...conflicts.value.map((conflict) => `  ${conflictLine(conflict)}`),
  ];
}
