import { Readable } from 'node:stream';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { Kubectl } from './kubectl.ts';
import type { OutageRetry } from './outage-retry.ts';
import { describePods, listPods } from './pods.ts';
import { programFailure } from './program-failure.ts';
import type { RunOptions, RunResult, StdinSource } from './runner.ts';
import { sudo } from '../shell-word.ts';

/** How long a dump waits for tables that other sessions hold, unless the product's data says otherwise. */
const dumpLockWaitSeconds = 60;

export interface PostgresSettings {
  namespace: string;
  /** Label selector of the database's pod. */
  selector: string;
  container: string;
  user: string;
  database: string;
  /** How long a dump waits for tables that other sessions hold. Default 60. */
  lockTimeoutSeconds?: number;
  /** Waits for a pod that counts as not ready because the API server was away. */
  outageRetry?: OutageRetry;
}

export interface Postgres {
  /** Name of the one running, ready pod. Throws 'failed' with what the pods say. */
  pod(signal?: AbortSignal): Promise<string>;
  /**
   * Rows and columns of one query in a read-only transaction; it cannot change anything. NULL reads as ''.
   * Throws 'failed' for an answer that did not arrive completely: no rows means that there are none.
   */
  query(sql: string, signal?: AbortSignal, options?: { timeoutMs?: number }): Promise<string[][]>;
  /**
   * First column of the first row; 0 when there is no row, NULL or no such table. Throws 'failed' for
   * anything but an integer.
   */
  schemaVersion(sql: string, signal?: AbortSignal): Promise<number>;
  /** Server's version, `15.18`. */
  serverVersion(signal?: AbortSignal): Promise<string>;
  /**
   * A plain-text dump of the one database, which psql restores into an empty one. `consume` says `whole` when
   * it has come to the dump's own end: until then the pod's side stays open.
   */
  dump(
    consume: (dump: Readable, whole: () => void) => Promise<void>,
    signal?: AbortSignal,
    options?: DumpOptions,
  ): Promise<void>;
  /** The same server's other database. */
  on(database: string): Postgres;
  /**
   * Statements that psql reads from its standard input, up to the first error. They may change anything, and
   * no limit that a role or a database sets holds for them. An answer of its own says whether all have come:
   * psql takes a stream that was cut off for complete.
   */
  execute(statements: StdinSource, options?: ExecuteOptions): Promise<RunResult>;
  /** A program next to the database; what it writes may come cut off. */
  inPod(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Roles and settings of the whole server. Holds password hashes. */
  dumpGlobals(signal?: AbortSignal): Promise<string>;
}

export interface DumpOptions {
  /** Without the schema: what is in the tables, the values of sequences, large objects. */
  dataOnly?: boolean;
  /** Of the text, as PostgreSQL names it. Default: the database's own. */
  encoding?: string | undefined;
  /**
   * How times and bytes are written: in UTC and in hex, so that dumps of two servers are alike; `own` means
   * as the database's settings say. Default `ours`.
   */
  settings?: 'ours' | 'own';
}

export interface ExecuteOptions {
  /** Of psql: `:"name"` and `:'name'` in the statements. */
  variables?: Readonly<Record<string, string>>;
  /** As the server's list of sessions names it. */
  application?: string;
  /** What the statements print is not wanted. */
  discard?: boolean;
  /** Lets others have the processor and the disk first. */
  gentle?: boolean;
  okCodes?: RunOptions['okCodes'];
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** A database of every server, to connect to while another one is renamed. */
export const maintenanceDatabase = (other: string): string =>
  other === 'postgres' ? 'template1' : 'postgres';

const fieldSeparator = '\x1f';
const recordSeparator = '\x1e';
/** No psqlrc, bare fields, no password prompt, first error ends it, errors with their SQLSTATE. */
const psqlOptions = [
  ...'-X -A -t -q -w -v ON_ERROR_STOP=1 -v VERBOSITY=verbose'.split(' '),
  '-F',
  fieldSeparator,
  '-R',
  recordSeparator,
];
const queryTimeoutMs = 60_000;
/** A query does not wait for a locked table: the lock is an answer of its own. */
const lockWaitSeconds = 2;
/** kubectl loses answers now and then (see below): a question is asked so often. */
const asks = 3;
/** Printed by psql after everything else: what lacks it is no answer. */
const endMark = 'ivaap:end-of-answer';
const undefinedTable = '42P01';

/**
 * kubectl drops what is still on its way when the program in the pod ends, and exits with 0 all the same
 * (kubernetes/kubernetes#124571). So the program's shell stays until our end of its standard input closes;
 * five minutes, should that never reach it.
 */
const untilRead = ['sh', '-c', '"$@" && { timeout 300 cat >/dev/null 2>&1 || :; }', 'sh'] as const;
/** After a dump's last line come a few bytes of the same write. */
const restMs = 250;

/** A default of a role or a database must not end what changes the server. */
const freely = ['default_transaction_read_only=off', 'statement_timeout=0', 'lock_timeout=0'];
/** One session, whose work takes no second processor. */
const gently = 'max_parallel_maintenance_workers=0';
const niceness = 10;
/** A busybox may lack either program: then it runs as it would have. */
const nicely = `renice -n ${niceness} -p $$ >/dev/null 2>&1; exec "$@"`;
const niceBackend = [
  String.raw`SELECT pg_backend_pid() AS ivaap_backend \gset`,
  String.raw`\setenv IVAAP_BACKEND :ivaap_backend`,
  String.raw`\! renice -n ${String(niceness)} -p "$IVAAP_BACKEND" >/dev/null 2>&1; ` +
    'ionice -c 3 -p "$IVAAP_BACKEND" >/dev/null 2>&1; :',
  '',
].join('\n');

export function createPostgres(kubectl: Kubectl, settings: PostgresSettings): Postgres {
  const { namespace, selector, container, user, database } = settings;

  async function pod(signal?: AbortSignal): Promise<string> {
    const scope = { namespace, selector, signal };
    const ready = (await listPods(kubectl, scope)).filter((state) => state.ready && !state.ending);
    const [first, second] = ready;
    if (first !== undefined && second === undefined) return first.name;
    if (first === undefined && (await settings.outageRetry?.settling(signal)) === true) return pod(signal);
    throw new IvaapError(
      'failed',
      first === undefined
        ? 'the database pod is not running'
        : `${ready.length} pods match the database, instead of one`,
      {
        hint: `${sudo.kubectl} get pods --namespace ${namespace} --selector ${selector}`,
        output: (await describePods(kubectl, scope)).join('\n'),
      },
    );
  }

  const exec = async (
    argv: readonly [string, ...string[]],
    options: Parameters<Kubectl['exec']>[2],
    signal?: AbortSignal,
  ) =>
    kubectl.exec({ namespace, pod: await pod(signal), container }, argv, {
      ...options,
      signal,
    });

  async function query(
    sql: string,
    signal?: AbortSignal,
    { timeoutMs = queryTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<string[][]> {
    const statements = [
      'BEGIN TRANSACTION READ ONLY',
      `SET LOCAL lock_timeout TO '${lockWaitSeconds}s'`,
      sql,
      'ROLLBACK',
      String.raw`\echo ${endMark}`,
    ];
    const argv = ['psql', ...psqlOptions, '-U', user, '-d', database] as const;
    for (let count = 1; count <= asks; count += 1) {
      const { stdout } = await exec(
        [...argv, ...statements.flatMap((statement) => ['-c', statement])],
        { timeoutMs, repeatable: true },
        signal,
      );
      const text = wholeAnswer(stdout);
      if (text !== undefined) {
        return text === '' ? [] : text.split(recordSeparator).map((row) => row.split(fieldSeparator));
      }
    }
    throw unanswered('its output was lost or cut off');
  }

  /** First column of the one row that must be there. */
  async function value(sql: string, signal?: AbortSignal): Promise<string> {
    const found = (await query(sql, signal))[0]?.[0];
    if (found === undefined || found === '') throw unanswered('it has no value');
    return found;
  }

  return {
    pod,
    query,
    async schemaVersion(sql, signal) {
      try {
        const found = (await query(sql, signal))[0]?.[0] ?? '';
        return found === '' ? 0 : toInteger(found);
      } catch (error) {
        if (programFailure(error)?.stderr.includes(undefinedTable) === true) return 0;
        throw error;
      }
    },
    async serverVersion(signal) {
      return (await value('SHOW server_version', signal)).replace(/ .*/, '');
    },
    async dump(consume, signal, { dataOnly = false, encoding, settings: how = 'ours' } = {}) {
      const name = await pod(signal);
      const stdin = new Readable({ read() {} });
      let rest: NodeJS.Timeout | undefined;
      const whole = () => (rest ??= setTimeout(() => stdin.push(null), restMs));
      const words = [
        // GMT is known also to a server without time zone files; UTC is not.
        ...(how === 'ours' ? ['env', 'PGTZ=GMT', 'PGOPTIONS=-c bytea_output=hex'] : []),
        'pg_dump',
        '-w',
        '--format=plain',
        ...(dataOnly ? ['--data-only'] : []),
        ...(encoding === undefined ? [] : [`--encoding=${encoding}`]),
        `--lock-wait-timeout=${settings.lockTimeoutSeconds ?? dumpLockWaitSeconds}s`,
        '-U',
        user,
        '-d',
        database,
      ];
      try {
        await kubectl.exec({ namespace, pod: name, container }, [...untilRead, ...words], {
          label: `pg_dump in pod ${name}`,
          stdin,
          stdout: (dump) => consume(dump, whole),
          signal,
        });
      } finally {
        clearTimeout(rest);
      }
    },
    on: (other) => createPostgres(kubectl, { ...settings, database: other }),
    async execute(statements, options = {}) {
      const { variables = {}, application, discard = false, gentle = false, signal, ...limits } = options;
      const pgOptions = [...freely, ...(gentle ? [gently] : [])].map((one) => `-c ${one}`).join(' ');
      const words = [
        'env',
        `PGOPTIONS=${pgOptions}`,
        ...(application === undefined ? [] : [`PGAPPNAME=${application}`]),
        'psql',
        ...psqlOptions,
        ...(discard ? ['-o', '/dev/null'] : []),
        ...Object.entries(variables).flatMap(([name, text]) => ['-v', `${name}=${text}`]),
        '-U',
        user,
        '-d',
        database,
      ];
      const argv = gentle ? (['sh', '-c', nicely, 'sh', ...words] as const) : words;
      const stdin = gentle ? following(niceBackend, statements) : statements;
      return exec(
        argv as [string, ...string[]],
        { ...limits, label: 'psql in the database pod', stdin },
        signal,
      );
    },
    inPod: (argv, { signal, ...options } = {}) => exec(argv, options, signal),
    async dumpGlobals(signal) {
      const argv = ['pg_dumpall', '-w', '--globals-only', '-U', user] as const;
      for (let count = 1; count <= asks; count += 1) {
        const { stdout } = await exec(argv, { timeoutMs: queryTimeoutMs, repeatable: true }, signal);
        if (isWholeGlobals(stdout)) return stdout;
      }
      throw new IvaapError('failed', 'the dump of the roles is incomplete: its end is missing', {
        hint: 'run the same command again',
      });
    },
  };
}

async function* following(first: string, rest: StdinSource): AsyncGenerator<Uint8Array> {
  yield Buffer.from(first);
  if (typeof rest === 'string' || rest instanceof Uint8Array) yield Buffer.from(rest);
  else yield* rest;
}

/** Without the mark at its end; undefined for what lacks it. */
function wholeAnswer(stdout: string): string | undefined {
  const end = `${endMark}\n`;
  return stdout.endsWith(end) ? stdout.slice(0, -end.length).replace(/\n$/, '') : undefined;
}

/** Its last comment is there, with the three lines that end it. */
const isWholeGlobals = (text: string): boolean =>
  text.trimEnd().endsWith('\n-- PostgreSQL database cluster dump complete\n--') && text.endsWith('\n');

function toInteger(value: string): number {
  if (/^-?\d{1,15}$/.test(value)) return Number(value);
  throw unanswered(`${foreign(JSON.stringify(value.slice(0, 80)))} instead of a number`);
}

const unanswered = (what: string) =>
  new IvaapError('failed', `the database did not answer: ${what}`, { hint: 'run the same command again' });
