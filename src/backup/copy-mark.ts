import * as z from 'zod';
import { literal } from '../host/database-sql.ts';
import { maintenanceDatabase, type Postgres } from '../host/postgres.ts';
import type { ScratchContext } from './scratch-database.ts';

/**
 * The comment of a copy that is complete and proved. The comment that belongs to the database is kept in it
 * until the copy gets the name.
 */
const mark = z.object({ ivaap: z.literal('complete'), comment: z.string().nullable() });

type Mark = z.infer<typeof mark>;

/** Where both can be renamed from. */
export const besideBoth = ({ database, product }: Pick<ScratchContext, 'database' | 'product'>): Postgres =>
  database.on(maintenanceDatabase(product.database.name));

/** To be written last: a copy that has it is complete. */
export async function writeMark(ctx: ScratchContext, name: string, signal?: AbortSignal): Promise<void> {
  const sql = `SELECT format('COMMENT ON DATABASE %I IS %L', datname,
  jsonb_build_object('ivaap', 'complete', 'comment', shobj_description(oid, 'pg_database'))::text)
  FROM pg_database WHERE datname = :'marked' \\gexec
`;
  const variables = { marked: name };
  await besideBoth(ctx).execute(sql, { variables, discard: true, ...(signal && { signal }) });
}

/** Undefined where there is no such database, or it has none. */
export async function readMark(
  ctx: Pick<ScratchContext, 'database' | 'product'>,
  name: string,
  signal?: AbortSignal,
): Promise<Mark | undefined> {
  const [[comment = ''] = []] = await besideBoth(ctx).query(
    `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ${literal(name)}`,
    signal,
  );
  try {
    return mark.parse(JSON.parse(comment));
  } catch {
    return undefined;
  }
}
