import type { Product } from '../payload/product-schema.ts';

/** A POSIX shell's view of one word, quoted only where it must be. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/**
 * The commands, to be typed in this order on the host, that bring a dump back: it is loaded into a database of another
 * name first, so that a failure changes nothing, and the two swap names in one transaction. The moved database is kept.
 */
export function restoreCommands(
  product: Product,
  { pod, dumpPath, owner }: { pod: string; dumpPath: string; owner: string },
): string[] {
  const { database, namespace } = product;
  const restored = `${database.name}_restored`;
  const moved = `${database.name}_moved`;
  const inPod = (stdin: boolean, program: string, ...args: string[]) =>
    [
      'k3s',
      'kubectl',
      'exec',
      ...(stdin ? ['-i'] : []),
      '-n',
      namespace,
      pod,
      '-c',
      database.container,
      '--',
      program,
      '-U',
      database.user,
      ...args,
    ]
      .map(shellWord)
      .join(' ');
  const strict = ['-v', 'ON_ERROR_STOP=1', '-q'];
  const swap = [
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (${literal(database.name)}, ${literal(restored)}) AND pid <> pg_backend_pid()`,
    'BEGIN',
    `ALTER DATABASE ${identifier(database.name)} RENAME TO ${identifier(moved)}`,
    `ALTER DATABASE ${identifier(restored)} RENAME TO ${identifier(database.name)}`,
    'COMMIT',
  ];
  const lock = `ALTER DATABASE ${identifier(database.name)} ALLOW_CONNECTIONS false`;
  const unlock = `ALTER DATABASE ${identifier(moved)} ALLOW_CONNECTIONS true`;
  const sql = (statements: string[]) => statements.flatMap((statement) => ['-c', statement]);
  return [
    inPod(false, 'createdb', '-O', owner, restored),
    `${inPod(true, 'psql', '-d', restored, ...strict, '--single-transaction')} < ${shellWord(dumpPath)}`,
    inPod(false, 'psql', '-d', 'postgres', ...strict, ...sql([lock, ...swap, unlock])),
  ];
}
