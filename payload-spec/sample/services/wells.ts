import type { Database } from './database.ts';
import { BadRequest } from './http.ts';

/**
 * Wells in the shape of each schema version: 1-3 keep feet and one location text, 4 keeps metres, 5 splits
 * the location, 6 moves the operators' names into a table of their own.
 */
export interface NewWell {
  name: string;
  field: string;
  operator: string;
  depthFt: number;
  latitude: number;
  longitude: number;
}

export interface WellPage {
  /** All wells, not only those of this page. */
  count: number;
  wells: Record<string, unknown>[];
}

export const feetToMetres = 0.3048;

const columns = (schema: number) =>
  [
    'w.id, w.name, w.field',
    schema >= 6 ? 'o.name AS operator' : 'w.operator',
    schema >= 4 ? 'w.total_depth_m::float8 AS "totalDepthM"' : 'w.depth_ft::float8 AS "depthFt"',
    schema >= 5 ? 'w.latitude::float8 AS latitude, w.longitude::float8 AS longitude' : 'w.location',
  ].join(', ');

const from = (schema: number) =>
  schema >= 6 ? 'wells w JOIN operators o ON o.id = w.operator_id' : 'wells w';

/** A page of wells in the order of their ids, each with the columns that the schema has. */
export async function listWells(
  database: Database,
  schema: number,
  query: URLSearchParams,
): Promise<WellPage> {
  const limit = wholeNumber(query.get('limit') ?? '10000', 'limit');
  const offset = wholeNumber(query.get('offset') ?? '0', 'offset');
  const total = await database.query<{ count: number }>('SELECT count(*)::integer AS count FROM wells');
  const page = await database.query<Record<string, unknown>>(
    `SELECT ${columns(schema)} FROM ${from(schema)} ORDER BY w.id LIMIT $1 OFFSET $2`,
    [limit, offset],
  );
  return { count: total.rows[0]?.count ?? 0, wells: page.rows };
}

/** Writes all the wells or none; gives their ids. */
export async function addWells(
  database: Database,
  schema: number,
  wells: readonly NewWell[],
): Promise<number[]> {
  const values = [
    ['name', 'n.name'],
    ['field', 'n.field'],
    schema >= 6
      ? ['operator_id', '(SELECT id FROM operators WHERE name = n.operator)']
      : ['operator', 'n.operator'],
    schema >= 4 ? ['total_depth_m', `round(n."depthFt" * ${feetToMetres}, 3)`] : ['depth_ft', 'n."depthFt"'],
    ...(schema >= 5
      ? [
          ['latitude', 'n.latitude'],
          ['longitude', 'n.longitude'],
        ]
      : [['location', "n.latitude || ',' || n.longitude"]]),
  ];
  const connection = await database.connect();
  try {
    await connection.query('BEGIN');
    if (schema >= 6) {
      await connection.query(
        'INSERT INTO operators (name) SELECT DISTINCT unnest($1::text[]) ON CONFLICT DO NOTHING',
        [wells.map(({ operator }) => operator)],
      );
    }
    const inserted = await connection.query<{ id: number }>(
      `INSERT INTO wells (${values.map(([column]) => column).join(', ')})
       SELECT ${values.map(([, expression]) => expression).join(', ')}
       FROM jsonb_to_recordset($1::jsonb) AS n(name text, field text, operator text, "depthFt" numeric, latitude numeric, longitude numeric)
       RETURNING id`,
      [JSON.stringify(wells)],
    );
    await connection.query('COMMIT');
    return inserted.rows.map(({ id }) => id);
  } catch (error) {
    await connection.query('ROLLBACK');
    if ((error as { code?: string }).code === '23505')
      throw new BadRequest('a well of that name exists already');
    throw error;
  } finally {
    connection.release();
  }
}

/**
 * One well or an array of them. Throws BadRequest naming the first field that is missing or of another type.
 */
export function parseWells(body: unknown): NewWell[] {
  const list = Array.isArray(body) ? body : [body];
  return list.map((item: Record<string, unknown> | null, position) => {
    for (const key of ['name', 'field', 'operator']) {
      if (typeof item?.[key] !== 'string' || item[key] === '')
        throw new BadRequest(`well ${position}: ${key} is text`);
    }
    for (const key of ['depthFt', 'latitude', 'longitude']) {
      if (!Number.isFinite(item?.[key])) throw new BadRequest(`well ${position}: ${key} is a number`);
    }
    return item as unknown as NewWell;
  });
}

function wholeNumber(text: string, name: string): number {
  if (!/^[0-9]{1,7}$/.test(text)) throw new BadRequest(`${name} is a whole number`);
  return Number(text);
}
