import type { TestHost } from './host.ts';

/**
 * Each table of the database with its row count and a checksum of its rows in order: equal only where all
 * rows are.
 */
export async function tableChecksums(host: TestHost, database = 'ivaapdb'): Promise<Record<string, string>> {
  const tables = await host.sql(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    database,
  );
  const query = tables
    .split('\n')
    .map(
      (table) =>
        `SELECT '${table}', count(*), ` +
        "md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), " +
        `'')) FROM "${table}" t`,
    )
    .join(' UNION ALL ');
  const rows = (await host.sql(query, database)).split('\n').map((row) => row.split('|'));
  return Object.fromEntries(rows.map(([table = '', count, sum]) => [table, `${count} rows ${sum}`]));
}

/**
 * Restores a dump of the host into an empty database, as its reader would, and gives the tables' checksums.
 */
export async function checksumsOfDump(host: TestHost, dumpPath: string): Promise<Record<string, string>> {
  const database = 'restore_check';
  const inPod = (...argv: string[]) =>
    `k3s kubectl exec -i -n ivaap postgres-0 -c postgres -- ${argv.join(' ')}`;
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' };
  await host.shell(inPod('dropdb', '-U', 'postgres', '--if-exists', database), { env });
  await host.shell(inPod('createdb', '-U', 'postgres', database), { env });
  await host.shell(
    `${inPod('psql', '-U', 'postgres', '-d', database, '-v', 'ON_ERROR_STOP=1', '-q')} < ${dumpPath}`,
    { env },
  );
  const sums = await tableChecksums(host, database);
  await host.shell(inPod('dropdb', '-U', 'postgres', database), { env });
  return sums;
}
