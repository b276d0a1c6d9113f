import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IvaapError } from '../../../src/errors.ts';
import { createHelm, releaseSecretName, type Helm } from '../../../src/host/helm.ts';
import { createKubectl, type KubeObject } from '../../../src/host/kubectl.ts';
import { isClusterDown } from '../../../src/host/cluster-down.ts';
import { placeTool } from '../../../src/host/tools.ts';
import { startApiServer, type TestApiServer } from '../../fixtures/api-server.ts';
import { labPrograms } from '../../lab/programs.ts';

const namespace = 'product';

describe('a real API server and a real Helm', () => {
  let server: TestApiServer;
  let helm: Helm;
  let helmPath = '';
  let chart = '';
  const file = (name: string, text: string) => {
    const path = join(server.folder, name);
    writeFileSync(path, text);
    return path;
  };

  before(async () => {
    server = await startApiServer();
    const { helm: built } = await labPrograms();
    const sha256 = createHash('sha256').update(readFileSync(built)).digest('hex');
    const tool = await placeTool(join(server.folder, 'tools'), { name: 'helm', sha256 }, () =>
      createReadStream(built),
    );
    helmPath = tool.path;
    helm = createHelm(server.runner, {
      tool,
      kubeconfig: server.kubeconfig,
      namespace,
      release: 'product',
      workFolder: join(server.folder, 'work'),
    });
    chart = join(server.folder, 'chart');
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeChart('1.0.0');
    await server.kubectl.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
  });
  after(() => server.stop());

  const writeChart = (version: string, job = false) => {
    file(
      'chart/Chart.yaml',
      `apiVersion: v2\nname: product-chart\nversion: ${version}\nappVersion: "app-${version}"\n`,
    );
    file(
      'chart/templates/map.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: {{ ' +
        '.Values.a | quote }}, b: {{ .Values.b | default "none" | quote }} }\n',
    );
    // Nothing runs here, so a Job is never done: this is what a failing upgrade looks like.
    file(
      'chart/templates/job.yaml',
      job
        ? 'apiVersion: v1\nkind: Pod\nmetadata: { name: never ' +
            '}\nspec: { containers: [{ name: a, image: none }] }\n'
        : '',
    );
  };
  const deploy = (over: { valuesFiles?: string[]; timeoutSeconds?: number } = {}) => ({
    chart,
    valuesFiles: [file('values.yaml', 'a: one\n')],
    wait: 'watcher' as const,
    timeoutSeconds: 20,
    record: async () => {},
    historyMax: 12,
    ...over,
  });

  it('gives objects, lists and nothing', async () => {
    assert.match(await server.kubectl.serverVersion(), /^v1\.34\.4\+k3s1$/);
    assert.equal(await server.kubectl.get('configmap', 'no-such', { namespace }), undefined);
    assert.deepEqual(await server.kubectl.list('pods', { namespace, selector: 'app=none' }), []);
    await assert.rejects(
      server.kubectl.list('nonsense'),
      /^IvaapError: kubectl get nonsense failed with exit code 1/,
    );
  });

  it('applies as its own field manager, with contents in no argv', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace },
      stringData: { key: 'hidden' },
    };
    await server.kubectl.apply([manifest]);
    await server.kubectl.apply([manifest]);
    const secret = await server.kubectl.get<KubeObject & { data: { key: string } }>('secret', 's', {
      namespace,
    });
    assert.equal(Buffer.from(secret?.data.key ?? '', 'base64').toString(), 'hidden');
    assert.match(JSON.stringify(await managers('secret', 's')), /test-installer/);
    await server.kubectl.delete('secret', 's', { namespace });
    await server.kubectl.delete('secret', 's', { namespace });
    assert.equal(await server.kubectl.get('secret', 's', { namespace }), undefined);
  });
  const managers = async (kind: string, name: string) => {
    const args = ['get', kind, name, '-n', namespace, '-o', 'json', '--show-managed-fields'];
    const { metadata } = JSON.parse((await server.kubectl.run(args)).stdout) as {
      metadata: { managedFields: { manager: string }[] };
    };
    return metadata.managedFields.map(({ manager }) => manager);
  };

  it('knows an API server that does not answer from one that says no', async () => {
    const config = readFileSync(server.kubeconfig, 'utf8').replace(/127\.0\.0\.1:\d+/, '127.0.0.1:1');
    const kubectl = createKubectl(server.runner, {
      k3s: server.k3s,
      kubeconfig: file('dead.yaml', config),
      manager: 'm',
    });
    const error = await kubectl.get('namespace', 'default').catch((reason: unknown) => reason as IvaapError);
    assert.equal((error as IvaapError).message, 'the Kubernetes API server does not answer');
    assert.ok(isClusterDown(error));
    const no = await server.kubectl.list('nonsense').catch((reason: unknown) => reason);
    assert.equal(isClusterDown(no), false);
  });

  it('does not upgrade what is not there, and says so by an empty history', async () => {
    assert.match(await helm.version(), /^v4\.\d+\.\d+/);
    assert.equal(await helm.current(), undefined);
    assert.deepEqual(await helm.history(), []);
    await assert.rejects(helm.upgrade(deploy()), (error: IvaapError) => {
      assert.match(error.output ?? '', /has no deployed releases/);
      return true;
    });
    assert.equal(await helm.current(), undefined);
  });

  it('installs, upgrades with the values given and no older ones, and shows what is deployed', async () => {
    await helm.install(deploy({ valuesFiles: [file('first.yaml', 'a: one\nb: kept?\n')] }));
    const { status, revision, chart: name, version, appVersion } = (await helm.current())!;
    assert.deepEqual(
      [status, revision, name, version, appVersion],
      ['deployed', 1, 'product-chart', '1.0.0', 'app-1.0.0'],
    );
    writeChart('1.1.0');
    await helm.upgrade(
      deploy({ valuesFiles: [file('base.yaml', 'a: one\n'), file('overlay.yaml', 'a: two\n')] }),
    );
    const map = await server.kubectl.get('configmap', 'settings', { namespace });
    assert.deepEqual((map as unknown as { data: unknown }).data, { a: 'two', b: 'none' });
    assert.deepEqual(JSON.parse(await helm.values()), { a: 'two' });
    assert.deepEqual(JSON.parse(await helm.values({ revision: 1 })), { a: 'one', b: 'kept?' });
    assert.match(await helm.manifest(), /kind: ConfigMap/);
    assert.match(await helm.template({ chart, valuesFiles: [] }), /b: "none"/);
    assert.deepEqual(
      (await helm.history()).map((row) => [row.revision, row.status, row.chart]),
      [
        [1, 'superseded', 'product-chart-1.0.0'],
        [2, 'deployed', 'product-chart-1.1.0'],
      ],
    );
    assert.ok(await server.kubectl.get('secret', releaseSecretName('product', 2), { namespace }));
  });

  it('rolls an upgrade back that does not become ready', async () => {
    writeChart('1.2.0', true);
    await assert.rejects(helm.upgrade(deploy({ timeoutSeconds: 3 })), (error: IvaapError) => {
      assert.match(error.message, /^helm upgrade product .* failed with exit code 1$/);
      return error.code === 'failed';
    });
    const { status, version, revision } = (await helm.current())!;
    assert.deepEqual([status, version, revision], ['deployed', '1.1.0', 4]);
    assert.deepEqual(
      (await helm.history()).map((row) => row.status),
      ['superseded', 'superseded', 'failed', 'deployed'],
    );
  });

  it('asked to stop, waits for Helm, which rolls back', async () => {
    writeChart('1.3.0', true);
    const abort = new AbortController();
    const upgrade = helm.upgrade({ ...deploy({ timeoutSeconds: 60 }), signal: abort.signal });
    const ended = assert.rejects(upgrade, /was stopped on request/);
    for (let pending = false; !pending;) {
      await sleep(200);
      pending = (await helm.current())?.status === 'pending-upgrade';
    }
    await sleep(1000);
    abort.abort();
    await ended;
    const { status, version } = (await helm.current())!;
    assert.deepEqual([status, version], ['deployed', '1.1.0']);
  });

  it('starts no Helm that was tampered with', async () => {
    const size = statSync(helmPath).size;
    const bytes = readFileSync(helmPath);
    writeFileSync(helmPath, Buffer.concat([bytes, Buffer.from('x')]));
    await assert.rejects(helm.version(), /is not the program that the payload carries/);
    writeFileSync(helmPath, bytes);
    assert.equal(statSync(helmPath).size, size);
    await helm.version();
  });
});
