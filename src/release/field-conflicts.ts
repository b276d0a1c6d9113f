import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { valueAtField } from '../policy/field-paths.ts';
import type { UpgradeContext } from './context.ts';
import { isHaltedField } from './halt.ts';
import { foreignOwner } from './object-owner.ts';
import { helmManager } from './server-answers.ts';
import { type Answer } from './answered-objects.ts';

/**
 * A field that Helm would set and that somebody else has taken over: Helm's upgrade fails on it, and so does
 * its rollback.
 */
export interface FieldConflict {
  /** `Deployment/backend`. */
  object: string;
  /** As the API server prints it: `.spec.replicas`. */
  field: string;
  /** The field manager that has it now: `kubectl (scale)`. */
  owner: string;
  /** JSON texts, truncated when long; `(hidden)` in a Secret, `(none)` where there is no value. */
  theirs: string;
  ours: string;
}

const longestValue = 200;

/**
 * The fields of the new objects that an operator's `kubectl scale`, `edit` or another program has taken from
 * Helm. Objects that Helm would not change have none. Throws when the API server does not answer.
 */
export async function findFieldConflicts(ctx: UpgradeContext, signal: AbortSignal): Promise<FieldConflict[]> {
  const { objects, deployed } = await ctx.answers(signal);
  const own = (answer: Answer) => foreignOwner(answer, deployed, ctx.product) === undefined;
  const taken = objects.filter((answer) => answer.conflicts.length > 0 && own(answer));
  const byHelm = taken.some(({ conflicts }) => conflicts.some(({ owner }) => owner === helmManager));
  // Fields of a Helm without server-side apply are Helm's own: after such a revision, and only then, it takes
  // them over.
  const takesAlong = byHelm && deployed !== undefined && !(await ctx.helm.appliedOnServer(deployed.revision));
  // The check of halted workloads speaks of these; a run that goes on halts them again.
  const isHalted = (live: Answer['live'], field: string) =>
    live !== undefined && isHaltedField(live, field, ctx.product);
  return taken.flatMap(({ manifest, live, conflicts }) =>
    conflicts
      .filter(({ owner, field }) => (owner !== helmManager || !takesAlong) && !isHalted(live, field))
      .map(({ owner, field }) => ({
        object: `${manifest.kind}/${manifest.metadata.name}`,
        field,
        owner: owner === helmManager ? `${owner} (not by server-side apply)` : foreign(owner),
        theirs: shown(manifest.kind, valueAtField(live, field)),
        ours: shown(manifest.kind, valueAtField(manifest, field)),
      })),
  );
}

/** One line for the operator. */
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
    `${count} been taken over from Helm by somebody else, and the upgrade ` +
      `would fail on it: ${conflicts.map(conflictLine).join('; ')}`,
    {
      hint:
        "to set them to the chart's values: " +
        `${ctx.again({ add: ['--force-conflicts'] })}; to keep them, set the same ` +
        `values in ${ctx.values.path}`,
    },
  );
}

function shown(kind: string, value: unknown): string {
  if (value === undefined) return '(none)';
  if (kind === 'Secret') return '(hidden)';
  const text = JSON.stringify(value);
  return foreign(text.length > longestValue ? `${text.slice(0, longestValue)}…` : text);
}
