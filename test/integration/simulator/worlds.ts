import { createContainerd, type Containerd } from '../../../src/host/containerd.ts';
import { createKubectl, type Kubectl } from '../../../src/host/kubectl.ts';
import { createPostgres, type Postgres } from '../../../src/host/postgres.ts';
import { createRunner, type Runner } from '../../../src/host/runner.ts';
import { type TestApiServer, startApiServer } from '../../fixtures/api-server.ts';
import { startContainerd } from '../../fixtures/containerd.ts';
import { Cluster } from '../../fixtures/in-process-host/cluster.ts';
import { simulatedRunner } from '../../fixtures/in-process-host/runner.ts';
import { startPostgres } from '../../fixtures/own-postgres.ts';
import { labPrograms } from '../../lab/programs.ts';

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Where the product's programs run: the same cases ask the simulated host and the real programs. */
export interface World {
  helm(...args: string[]): Promise<Said>;
  kubectl(args: readonly string[], stdin?: string): Promise<Said>;
  containerd: Containerd;
  postgres: Postgres;
  end(): Promise<void>;
}

export const namespace = 'tiny';
const rows = ['North 1', 'South 2'];
const schema = 3;

const database = { selector: 'app=db', container: 'db', user: 'tiny', database: 'tinydb' };

function programs(runner: Runner, helm: string, k3s: string, kubeconfig: string) {
  const say = async (argv: readonly [string, ...string[]], stdin?: string): Promise<Said> => {
    const given = stdin === undefined ? {} : { stdin };
    const { exitCode, stdout, stderr } = await runner.run(argv, { okCodes: 'any', ...given });
    return { code: exitCode, stdout, stderr };
  };
  const where = ['--kubeconfig', kubeconfig] as const;
  return {
    helm: (...args: string[]) => say([helm, ...args, ...where, '--namespace', namespace]),
    kubectl: (args: readonly string[], stdin?: string) => say([k3s, 'kubectl', ...where, ...args], stdin),
  };
}

/** `seen` gets each call. */
export async function simulatedWorld(seen: (argv: readonly string[]) => void = () => {}): Promise<World> {
  const cluster = new Cluster();
  cluster.state.database = { schema, rows: [...rows] };
  const runner = simulatedRunner(
    cluster,
    {},
    { tell: (event) => event.kind === 'program' && seen(event.argv), onUnmatched: () => {} },
  );
  const k3s = '/usr/local/bin/k3s';
  const kubectl = createKubectl(runner, { k3s, kubeconfig: 'none', manager: 'tiny' });
  // The database's own pod.
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'db-0', namespace: 'database', labels: { app: 'db' } },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] },
    spec: { containers: [] },
  });
  return {
    ...programs(runner, '/tools/helm', k3s, 'none'),
    containerd: createContainerd(runner, { k3s, socket: 'none' }),
    postgres: createPostgres(kubectl, { namespace: 'database', ...database }),
    end: () => Promise.resolve(),
  };
}

export async function realWorld(): Promise<World> {
  const built = await labPrograms();
  const server = await startApiServer();
  const ends = [() => server.stop()];
  try {
    const node = await startContainerd(built);
    ends.push(() => node.stop());
    const own = await startPostgres();
    ends.push(() => own.stop());
    await own.psql('postgres', 'CREATE ROLE tiny LOGIN SUPERUSER');
    await own.psql('postgres', 'CREATE DATABASE tinydb OWNER tiny');
    await own.psql(
      'tinydb',
      'SET ROLE tiny; CREATE TABLE migrations (version integer); INSERT INTO migrations VALUES ' +
        `(${schema});
       CREATE TABLE wells (name text); INSERT INTO wells VALUES ` +
        `${rows.map((row) => `('${row}')`).join()}; ANALYZE`,
    );
    return {
      ...programs(realRunner(server), built.helm, server.k3s, server.kubeconfig),
      containerd: node.containerd,
      postgres: createPostgres(own.kubectl as Kubectl, { namespace: 'database', ...database }),
      end: async () => {
        for (const end of ends.toReversed()) await end();
      },
    };
  } catch (error) {
    for (const end of ends.toReversed()) await end();
    throw error;
  }
}

const realRunner = ({ folder }: TestApiServer): Runner => createRunner({ home: folder });

export const json = <T>(said: Said): T => JSON.parse(said.stdout) as T;
