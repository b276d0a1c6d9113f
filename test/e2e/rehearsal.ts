import { helmHistory } from './cluster.ts';
import { tableChecksums } from './database.ts';
import type { TestHost } from './host.ts';
import { readState } from './state.ts';

/** What a rehearsal makes, and what it must leave alone. */

/** Everything that a rehearsal makes in the cluster and on the server, a line each; empty: nothing. */
export async function leftOfRehearsal(host: TestHost): Promise<string> {
  const kinds = 'jobs,pods,secrets,configmaps,services';
  const objects = await host.kubectl('get', kinds, '-n', 'ivaap', '-o', 'name');
  if (objects.code !== 0) throw new Error(`kubectl get: ${objects.stderr}`);
  const server = await host.sql(
    'SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles ' +
      'UNION ALL SELECT setconfig::text FROM pg_db_role_setting',
  );
  return `${objects.stdout}\n${server}`
    .split('\n')
    .filter((line) => line.includes('rehearsal'))
    .join('\n');
}

/** What runs: pods with their lives, Helm's records, chart and values, all rows. */
export async function production(host: TestHost) {
  const pods = await host.kubectl(
    'get',
    'pods',
    '-n',
    'ivaap',
    '-l',
    'app',
    '-o',
    'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount}{"\\n"}{end}',
  );
  if (pods.code !== 0) throw new Error(`kubectl get: ${pods.stderr}`);
  const { stdout: files } = await host.shell(
    'cd /opt/ivaap && find . \\( -path ./postgres -o -path ./.installer \\) -prune -o -type f -print0 | ' +
      'sort -z | xargs -0r sha256sum',
  );
  return {
    pods: pods.stdout.trim().split('\n').sort(),
    history: await helmHistory(host),
    files: files.trim().split('\n'),
    tables: await tableChecksums(host),
    schema: await host.schemaVersion(),
    installed: (await readState(host)).installed,
  };
}
