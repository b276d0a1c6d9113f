import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import type { Postgres } from './postgres.ts';

/** Pages of a table that are looked at, and rows of them whose values have to be unpacked for it. */
const sampledPages = 250;
const unpackedRows = 20;
/** Tables are sampled from this size on, the largest first; smaller ones weigh little. */
const sampledFromBytes = 256 * 1024;
const mostTables = 100;

const tables = z.array(
  z.object({
    name: z.string(),
    pages: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
  }),
);

/** Large objects count as a table of bytea, which they are. */
const catalogue = `SELECT coalesce(jsonb_agg(t ORDER BY t.bytes DESC), '[]') FROM (
  SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_relation_size(c.oid) / current_setting('block_size')::int AS pages,
    pg_table_size(c.oid) AS bytes,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', quote_ident(a.attname), 'type', coalesce(b.typname, y.typname))), '[]')
      FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = y.typbasetype
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND (c.oid = 'pg_largeobject'::regclass OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')) t`;

/** Lengths of these are known without unpacking them; a byte of bytea becomes two digits. */
const cheapLength: Record<string, (column: string) => string> = {
  bytea: (column) => `2 * octet_length(${column}) + 3`,
  text: (column) => `octet_length(${column})`,
  varchar: (column) => `octet_length(${column})`,
  bpchar: (column) => `octet_length(${column})`,
  json: (column) => `octet_length(${column}::text)`,
  xml: (column) => `octet_length(${column}::text)`,
};

/**
 * About how many bytes a plain-text dump will have. Size on disk says little of it: long texts are compressed
 * there, bytea doubles. From a sample of each larger table's pages, so that it takes seconds at most. Throws
 * 'failed' where the database does not say.
 */
export async function estimateDump(postgres: Pick<Postgres, 'query'>, signal?: AbortSignal): Promise<number> {
  const found = tables.safeParse(json((await postgres.query(catalogue, signal))[0]?.[0]));
  if (!found.success) throw new IvaapError('failed', 'the database does not list its tables');
  const large = found.data.filter(({ bytes }) => bytes >= sampledFromBytes).slice(0, mostTables);
  const small = found.data.filter((table) => !large.includes(table));
  // What is too small to be looked at: pages are mostly heads of rows, digits are longer than numbers.
  const rest = small.reduce((sum, { bytes }) => sum + 2 * bytes, 0);
  if (large.length === 0) return rest;
  const rows = await postgres.query(large.map(sample).join(' UNION ALL '), signal);
  const sizes = rows.map(([bytes]) => Number(bytes));
  if (sizes.length !== large.length || sizes.some((bytes) => !Number.isFinite(bytes))) {
    throw new IvaapError('failed', 'the database does not report the size of its tables as text');
  }
  return Math.round(sizes.reduce((sum, bytes) => sum + bytes, rest));
}

function sample({ name, pages, columns }: z.infer<typeof tables>[number]): string {
  const percent = Math.min(100, (sampledPages * 100) / Math.max(pages, 1));
  const from = `${name} TABLESAMPLE SYSTEM (${percent})`;
  const lengths = (cheap: boolean) => [
    '0',
    ...columns
      .filter(({ type }) => Object.hasOwn(cheapLength, type) === cheap)
      .map((column) => {
        const length = cheapLength[column.type]?.(column.name) ?? `octet_length(${column.name}::text)`;
        // A tab or an end of line behind each; NULL is two characters.
        return `coalesce(${length}, 2) + 1`;
      }),
  ];
  return `(SELECT round(${100 / percent} * count(*) * (coalesce(avg(${lengths(true).join(' + ')}), 0)
    + (SELECT coalesce(avg(${lengths(false).join(' + ')}), 0) FROM (SELECT * FROM ${from} LIMIT ${unpackedRows}) few)))
    FROM ${from})`;
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
