import { createHash } from 'node:crypto';
import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import type { Postgres } from './postgres.ts';
import { schemaObjectsQuery } from './schema-objects.ts';

/** As it is kept; src/policy/schema-fingerprint.ts says what its parts mean and compares two. */
export const schemaFingerprint = z.object({
  server: z.int(),
  hash: z.string(),
  counts: z.record(z.string(), z.int()),
  marks: z.record(z.string(), z.string()).optional(),
});

type Fingerprint = z.infer<typeof schemaFingerprint>;

/** Beyond this the state would grow by more than some 100 KB: a difference is told by kind only. */
const mostMarks = 6000;

/** psql's own between fields: no field holds it. */
const separator = '\x1f';

const short = (text: string) => createHash('sha256').update(text).digest('base64').slice(0, 8);

/** Throws 'failed' where the database does not tell; a table that another session locks is no answer. */
export async function readSchemaFingerprint(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<Fingerprint> {
  const rows = await postgres.query(schemaObjectsQuery, signal);
  const version = Number(rows.find(([kind]) => kind === 'server')?.[1]);
  const objects = rows.filter(([kind]) => kind !== 'server');
  const isWhole = objects.every(([kind, name, hash]) => kind && name && /^[0-9a-f]{64}$/.test(hash ?? ''));
  if (!version || !isWhole) {
    throw new IvaapError('failed', 'the database does not tell what its schema consists of', {
      hint: 'run the same command again',
    });
  }
  const lines = objects.map((row) => row.join(separator)).sort();
  const counts: Record<string, number> = {};
  const marks: Record<string, string> = {};
  for (const line of lines) {
    const [kind = '', name = '', hash = ''] = line.split(separator);
    counts[kind] = (counts[kind] ?? 0) + 1;
    marks[kind] = (marks[kind] ?? '') + short(name) + short(hash);
  }
  return {
    server: Math.floor(version / 10_000),
    hash: createHash('sha256').update(lines.join('\n')).digest('hex'),
    counts,
    ...(lines.length <= mostMarks ? { marks } : {}),
  };
}
