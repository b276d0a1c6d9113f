import * as z from 'zod';
import { compareSchemas, differenceText, type SchemaFingerprint } from './schema-fingerprint.ts';

/** What the database told of its schema at one time; undefined is what it did not tell. */
export interface SchemaAnswer {
  /** By the product's own query. */
  version: number | undefined;
  fingerprint: SchemaFingerprint | undefined;
  /** Why something is missing. */
  why?: string | undefined;
}

/**
 * What became of a schema since Helm first started. `changed`: a part of a migration is there, although the
 * version is the one of before. Rolling a chart back undoes neither that nor `moved`.
 */
export const schemaVerdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('unchanged'), version: z.int(), compared: z.boolean() }),
  z.object({ kind: z.literal('moved'), before: z.int(), after: z.int() }),
  z.object({
    kind: z.literal('changed'),
    version: z.int(),
    difference: z.record(z.string(), z.int().nullable()),
  }),
  z.object({ kind: z.literal('unknown'), why: z.string() }),
]);

export type SchemaVerdict = z.infer<typeof schemaVerdict>;

/**
 * Without a fingerprint from before, as in older records, the version decides alone. With one, a schema that
 * does not tell its own is not known to be unchanged.
 */
export function judgeSchema(before: SchemaAnswer, after: SchemaAnswer): SchemaVerdict {
  if (before.version === undefined) {
    return { kind: 'unknown', why: 'its version from before Helm started is not known' };
  }
  if (after.version === undefined) {
    return { kind: 'unknown', why: after.why ?? 'the database was not queried, or did not answer' };
  }
  if (before.version !== after.version) {
    return { kind: 'moved', before: before.version, after: after.version };
  }
  const { version } = after;
  if (before.fingerprint === undefined) return { kind: 'unchanged', version, compared: false };
  if (after.fingerprint === undefined) {
    const why = after.why ?? 'the database did not tell what its schema consists of';
    return { kind: 'unknown', why: `its version is ${version} as before, but ${why}` };
  }
  const difference = compareSchemas(before.fingerprint, after.fingerprint);
  if (difference === undefined) {
    const [was, is] = [before.fingerprint.server, after.fingerprint.server];
    const why = `PostgreSQL ${is} describes it in other words than ${was}`;
    return { kind: 'unknown', why: `its version is ${version} as before, but ${why}` };
  }
  const isEqual = before.fingerprint.hash === after.fingerprint.hash;
  return isEqual ? { kind: 'unchanged', version, compared: true } : { kind: 'changed', version, difference };
}

/** Whether only a restore brings the old version back. */
export const needsRestore = ({ kind }: SchemaVerdict): boolean => kind === 'moved' || kind === 'changed';

/** One sentence on the schema. */
export function schemaSentence(verdict: SchemaVerdict): string {
  switch (verdict.kind) {
    case 'unchanged':
      return verdict.compared
        ? `The database schema is unchanged (version ${verdict.version}): every object is as before.`
        : `The database schema is unchanged (version ${verdict.version}).`;
    case 'moved':
      return `The database schema has moved from version ${verdict.before} to ${verdict.after}.`;
    case 'changed':
      return (
        `The database schema has changed although its version is still ${verdict.version}: ` +
        `${differenceText(verdict.difference)}. Part of a migration may be there.`
      );
    case 'unknown':
      return `Whether the database schema has moved is not known: ${verdict.why}.`;
  }
}
