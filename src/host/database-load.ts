import { randomBytes } from 'node:crypto';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { DumpScan, type DumpSummary } from './dump-scan.ts';
import { dumpText, type RecordedFile } from './dump-source.ts';
import { loadErrorIn } from './load-error.ts';
import type { Postgres } from './postgres.ts';
import { programFailure } from './program-failure.ts';
import { withoutRestrict } from './restrict-lines.ts';

export interface LoadOptions {
  /** Lets others have the processor and the disk first. */
  gentle?: boolean;
  /** Event triggers that the dump makes stay quiet, except those that fire always. */
  quiet?: boolean;
  /** As the server's list of sessions names it. */
  application?: string;
  /** Bytes of the file that were read. */
  onBytes?: (read: number) => void;
  signal?: AbortSignal;
}

/**
 * Streams a dump file into an empty database, and returns what was in the stream. The file is compared with
 * its record meanwhile. Throws 'failed' unless the server has run every statement of a complete dump:
 * psql itself takes a stream that was cut off for complete.
 */
export async function loadDump(
  into: Postgres,
  file: RecordedFile,
  { onBytes, quiet = false, ...options }: LoadOptions = {},
): Promise<DumpSummary> {
  const key = randomBytes(16).toString('hex');
  const restricted = await knowsRestrict(into, options.signal);
  const scan = new DumpScan();
  let summary: DumpSummary | undefined;
  async function* scanned(): AsyncGenerator<Buffer> {
    for await (const piece of dumpText(file, onBytes)) {
      scan.update(piece);
      yield piece;
    }
    summary = scan.finish();
  }
  async function* statements(): AsyncGenerator<Buffer> {
    if (quiet) yield Buffer.from(asReplica);
    if (restricted) yield Buffer.from(`\\restrict ${key}\n`);
    yield* withoutRestrict(scanned());
    const last = `SELECT format('COMMENT ON DATABASE %I IS %L', current_database(), '${key}') \\gexec\n`;
    yield Buffer.from(`\n${restricted ? `\\unrestrict ${key}\n` : ''}${last}`);
  }
  try {
    await into.execute(statements(), { ...options, discard: true });
  } catch (error) {
    throw explained(file.path, error);
  }
  const [[comment] = []] = await into.query(
    "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
    options.signal,
  );
  if (summary !== undefined && comment === key) return summary;
  throw new IvaapError(
    'failed',
    `the database did not take all of ${file.path}: its end has not come there`,
    {
      hint: 'run the same command again',
    },
  );
}

/** `event_triggers` came with PostgreSQL 17. Constraints are checked when they are added all the same. */
const asReplica = `SELECT set_config('session_replication_role', 'replica', false) FROM pg_roles
  WHERE rolname = current_user AND rolsuper;
`;

/** Whether psql there knows the lines that keep a dump from running commands. */
async function knowsRestrict(into: Postgres, signal?: AbortSignal): Promise<boolean> {
  const probe = '\\restrict probe\n\\unrestrict probe\n';
  const { exitCode } = await into.execute(probe, { okCodes: [0, 3], timeoutMs: 60_000, signal });
  return exitCode === 0;
}

/** With the server's own words and the table that they are about. */
function explained(path: string, error: unknown): unknown {
  const program = programFailure(error);
  const found = program === undefined ? undefined : loadErrorIn(program.stderr);
  if (found === undefined) return error;
  const of = found.table === undefined ? '' : ` (table ${foreign(found.table)})`;
  return new IvaapError('failed', `${path} cannot be loaded: ${foreign(found.message)}${of}`, {
    cause: error,
    output: error instanceof IvaapError ? error.output : undefined,
    hint: error instanceof IvaapError ? error.hint : undefined,
  });
}
