import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Kubectl, KubeObject, Manifest } from '../../../src/host/kubectl.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import type { RunOptions } from '../../../src/host/runner.ts';
import { databaseLogin } from '../../../src/checks/database-login.ts';
import { measured } from '../../fixtures/measured.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';

/**
 * The password that new pods are given, tried in a real PostgreSQL that lets everybody in by its socket, and
 * nobody without one over TCP.
 */

const namespace = 'wells';
const login = { user: 'wells-app', secret: { name: 'db', key: 'the.password' } };
const settings = { selector: 'app=db', container: 'db', user: 'postgres', name: 'welldb' };
const password = `it's a "pass\\word" $HOME %s`;
/** Of this host; its peers need a password, unlike those of the socket. */
const address = '127.0.0.2';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe('the password of new pods', () => {
  let server: OwnPostgres;
  let port = 0;
  const argvs: string[] = [];
  let podIP: string | undefined = address;
  let secret: KubeObject | undefined;
  before(async () => {
    server = await startPostgres();
    port = await freePort();
    const data = join(server.folder, 'data');
    writeFileSync(
      join(data, 'pg_hba.conf'),
      'local all all trust\nhost all all ::1/128 trust\nhost all all 127.0.0.0/8 scram-sha-256\n',
    );
    appendFileSync(join(data, 'postgresql.conf'), `\nlisten_addresses = '${address}'\nport = ${port}\n`);
    const control = [
      '/usr/lib/postgresql/15/bin/pg_ctl',
      '-D',
      data,
      '-w',
      '-s',
      '-l',
      `${server.folder}/log`,
    ];
    await server.asPostgres([
      ...control,
      '-m',
      'fast',
      '-o',
      `-c unix_socket_directories=${server.folder} -c fsync=off`,
      'restart',
    ]);
    await psql('postgres', 'CREATE ROLE "wells-app" LOGIN');
    await psql('postgres', 'CREATE DATABASE welldb OWNER "wells-app"');
  });
  after(() => server.stop());

  const inPod = (argv: readonly string[], options?: RunOptions) =>
    server.asPostgres(['env', `PGPORT=${port}`, ...argv], options);
  const psql = (database: string, sql: string) =>
    inPod(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database], { stdin: sql });
  const secretOf = (value: string) =>
    ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db', namespace },
      data: { 'the.password': Buffer.from(value).toString('base64') },
    }) as KubeObject;
  const check = (rendered: Manifest[] = []) => {
    const kubectl = {
      ...server.kubectl,
      get: (kind: string) =>
        Promise.resolve(kind === 'secret' ? secret : { metadata: { name: 'db-0' }, status: { podIP } }),
      exec: (_target: unknown, argv: readonly string[], options?: RunOptions) => {
        argvs.push(argv.join(' '));
        return inPod(argv, options);
      },
    } as unknown as Kubectl;
    const ctx = {
      kubectl,
      database: createPostgres(kubectl, { namespace, ...settings, database: settings.name }),
      product: { namespace, database: { ...settings, login } },
      signal: new AbortController().signal,
      rendered: () => Promise.resolve(rendered),
      values: { path: '/opt/wells/values.yaml' },
    };
    return measured(databaseLogin, ctx);
  };

  it('that the role does not have is refused, and the printed command fixes it', async () => {
    await psql('postgres', `ALTER ROLE "wells-app" PASSWORD 'another'`);
    secret = secretOf(password);
    const found = await check();
    assert.equal(found.outcome, 'fail', JSON.stringify(found));
    assert.match(
      found.measured,
      /^the database rejects the password of Secret\/db for role wells-app: .*password authentication failed/,
    );
    const { fix = '' } = found;
    assert.match(
      fix,
      /^k3s kubectl get secret db -n wells -o jsonpath='\{\.data\.the\\\.password\}' \| base64 -d \| k3s kubectl exec -i -n wells db-0 -c db -- sh -c '/,
    );
    // As the operator's shell runs it: what reads the Secret is its text here, what enters the pod is
    // nothing.
    const [, entered = ''] = fix.split('-c db -- ');
    await inPod(['bash', '-euo', 'pipefail', '-c', entered], { stdin: password });
    assert.equal((await check()).outcome, 'ok');
  });

  it('that the role has opens a session, and is in no argument', async () => {
    secret = secretOf(`${password}\n`);
    assert.deepEqual(await check(), {
      outcome: 'ok',
      measured: 'role wells-app opens a session',
    });
    assert.ok(argvs.length > 0 && argvs.every((words) => !words.includes(password)));
  });

  it('that the chart brings is the one that counts', async () => {
    secret = secretOf(password);
    const own = {
      ...secret,
      data: undefined,
      stringData: { 'the.password': 'wrong' },
    } as unknown as Manifest;
    const found = await check([own]);
    assert.deepEqual([found.outcome, found.fix], ['fail', '${EDITOR:-vi} /opt/wells/values.yaml']);
    assert.ok(!JSON.stringify(found).includes('wrong'));
  });

  it('is not known where the server does not say so', async () => {
    const unknown = async (why: RegExp) => {
      const { outcome, measured } = await check();
      assert.deepEqual([outcome, why.test(measured)], ['warn', true], measured);
    };
    await psql('postgres', 'ALTER ROLE "wells-app" NOLOGIN');
    await unknown(/: .*role "wells-app" is not permitted to log in/);
    await psql('postgres', 'ALTER ROLE "wells-app" LOGIN');
    podIP = '127.0.0.3';
    await unknown(/: .*Connection refused/);
    podIP = undefined;
    await unknown(/: pod db-0 has no address/);
    podIP = address;
    secret = undefined;
    await unknown(/: Secret\/db has no the\.password/);
  });
});
