import { foreign } from '../foreign.ts';
import { counted } from './counted.ts';

/** How a rehearsal ended. */
interface Rehearsal {
  /** Not where tables have lost rows. */
  passed: boolean;
  why?: string | undefined;
  schema?: { before: number; after: number } | undefined;
  /** From the start of the pod until the schema was migrated. */
  seconds?: number | undefined;
  /** `after` is null where the table is gone. */
  lost?: { table: string; before: number; after: number | null }[] | undefined;
}

/** What a restart of the pods takes beside the migration, in seconds. */
const restartSeconds = 60;

/** `migrates in 41 s, 3 -> 5, no table lost rows; expect about 2 min of downtime`. */
export function rehearsalSentence({ passed, why, schema, seconds = 0, lost = [] }: Rehearsal): string {
  if (schema === undefined || (!passed && lost.length === 0))
    return `it failed: ${why ?? 'its end is not known'}`;
  const minutes = Math.ceil((seconds + restartSeconds) / 60);
  return (
    `migrates in ${Math.max(1, Math.round(seconds))} s, ${schema.before} -> ${schema.after}, ` +
    `${lost.length === 0 ? 'no table lost rows' : lostText(lost)}; expect about ${minutes} min of downtime`
  );
}

/** Of one that was cut off. */
export const unendedSentence = ({ why }: { why: string }): string => `it could not be ended: ${why}`;

/** `public.wells has 1 of 3 rows`, of each table. */
export const lostText = (lost: NonNullable<Rehearsal['lost']>): string =>
  lost
    .map(({ table, before, after }) =>
      after === null
        ? `${foreign(table)} is gone with ${counted(before, 'row')}`
        : `${foreign(table)} has ${after} of ${counted(before, 'row')}`,
    )
    .join(', ');
