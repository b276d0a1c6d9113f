/** What psql says of the statement that failed, with `VERBOSITY=verbose`. */
export interface LoadError {
  message: string;
  /** `schema.table`, where the server says which it is about. */
  table: string | undefined;
  /** The five characters of PostgreSQL's own table of errors. */
  sqlState: string | undefined;
}

/** The first error in psql's standard error; undefined where it names none. */
export function loadErrorIn(stderr: string): LoadError | undefined {
  const found = /(?:ERROR|FATAL|PANIC): {1,2}(?:([0-9A-Z]{5}): )?(.+)/.exec(stderr);
  const [, sqlState, message] = found ?? [];
  if (found === null || message === undefined) return undefined;
  const after = stderr.slice(found.index);
  const field = (name: string) => new RegExp(`^${name}: {1,2}(.+)$`, 'm').exec(after)?.[1];
  const [table, schema] = [field('TABLE NAME'), field('SCHEMA NAME')];
  // Of a row that cannot be read only the context says where it belongs.
  const copied = /^(?:CONTEXT: {1,2})?COPY (.+?), line \d+/m.exec(after)?.[1];
  const named = table === undefined ? copied : schema === undefined ? table : `${schema}.${table}`;
  return { message, table: named, sqlState };
}
