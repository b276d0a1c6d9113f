import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCgroups } from './cgroup.ts';
import {
  labClone,
  labCluster,
  labDown,
  labExec,
  labHosts,
  labPath,
  labSnapshot,
  labSpawn,
  labUp,
} from './host.ts';
import { until } from './process.ts';
import { ensurePrograms, labPrograms } from './programs.ts';
import { removeSnapshot } from './store.ts';
import { hostNamespaces, traces } from './traces.ts';

const run = `t-${randomBytes(3).toString('hex')}`;
const first = `${run}-a`;
const second = `${run}-b`;

async function inside(name: string, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await labExec(name, argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

const page = (name: string) => inside(name, 'curl', '-sf', '-H', 'Host: web.example', 'http://127.0.0.1/');
const served = (name: string) =>
  until(
    30_000,
    async () =>
      (await labExec(name, ['curl', '-sf', '-H', 'Host: web.example', 'http://10.203.0.10/'])).code === 0,
    () => `${name}: the Ingress does not answer`,
  );
/** Container id and restarts of each pod: unchanged when nothing was started again. */
const containers = (name: string) =>
  inside(
    name,
    'kubectl',
    'get',
    'pods',
    '-A',
    '-o',
    'jsonpath={range ' +
      '.items[*]}{.status.containerStatuses[*].containerID} ' +
      '{.status.containerStatuses[*].restartCount}{"\\n"}{end}',
  );

/** A process that has ended is seen until its new parent has asked for its status: that moment is granted. */
async function nothingLeft(name: string, namespaces: readonly string[] = []): Promise<void> {
  await until(
    10_000,
    () => traces(name, namespaces).length === 0,
    () => `left by ${name}:\n${traces(name, namespaces).join('\n')}`,
  );
}

describe('the lab', { timeout: 9 * 60_000 }, () => {
  after(async () => {
    for (const { name } of labHosts()) if (name.startsWith(run)) await labDown(name);
    await removeSnapshot(run);
  });

  test('brings a host up', async () => {
    await ensurePrograms();
    await timed('up', () => labUp(first));
    assert.equal(labHosts().find(({ name }) => name === first)?.state, 'running');
    assert.match(await inside(first, 'kubectl', 'get', 'nodes'), /k3s-node +Ready .* v1\.34\.4\+k3s1/);
  });

  test('runs a pod with a claim behind Service and Ingress', async () => {
    writeFileSync(
      labPath(first, '/tmp/web.yaml'),
      readFileSync(join(import.meta.dirname, 'fixtures/web.yaml')),
    );
    await inside(first, 'k3s', 'kubectl', 'apply', '-f', '/tmp/web.yaml');
    await inside(first, 'kubectl', 'rollout', 'status', 'deployment/web', '--timeout=60s');
    await served(first);
    assert.equal(await page(first), 'begun');
    const folder = await inside(
      first,
      'kubectl',
      'get',
      'pv',
      '-o',
      'jsonpath={.items[0].spec.hostPath.path}',
    );
    assert.match(folder, /^\/var\/lib\/rancher\/k3s\/storage\/pvc-.*_default_data$/);
    assert.equal(readFileSync(labPath(first, join(folder, 'index.html')), 'utf8'), 'begun\n');
  });

  test('answers DNS in pods at the address of k3s', async () => {
    const answer = await inside(
      first,
      'kubectl',
      'exec',
      'deploy/web',
      '--',
      'nslookup',
      'web.default.svc.cluster.local',
    );
    const address = await inside(
      first,
      'kubectl',
      'get',
      'service',
      'web',
      '-o',
      'jsonpath={.spec.clusterIP}',
    );
    assert.match(answer, /10\.43\.0\.10/);
    assert.ok(answer.includes(address), answer);
    // kube-proxy learns of a ready pod later than the Ingress; until then the address leads out of the host.
    const url = 'http://web.default.svc.cluster.local/';
    const fetched = await until(
      30_000,
      async () => {
        const { code, stdout } = await labExec(first, [
          'kubectl',
          'exec',
          'deploy/web',
          '--',
          'wget',
          '-qO-',
          url,
        ]);
        return code === 0 && stdout;
      },
      () => `${url} does not answer`,
    );
    assert.equal(fetched, 'begun\n');
  });

  test('has a k3s program that dispatches with the defaults of k3s', async () => {
    assert.match(
      await inside(first, 'k3s', '--version'),
      /^k3s version v1\.34\.4\+k3s1 \([0-9a-f]{8}\)\ngo version go1/,
    );
    assert.match(
      await inside(first, 'k3s', 'ctr', 'images', 'ls', '-q'),
      /docker\.io\/library\/busybox:1\.35/,
    );
    const { images } = JSON.parse(await inside(first, 'k3s', 'crictl', 'images', '-o', 'json')) as {
      images: { repoTags: string[]; pinned: boolean }[];
    };
    assert.equal(images.find(({ repoTags }) => repoTags.some((tag) => tag.includes('pause')))?.pinned, true);
    assert.notEqual((await labExec(first, ['k3s', 'server'])).code, 0);
    const elsewhere = await labExec(first, ['k3s', 'kubectl', 'get', 'nodes'], {
      env: { KUBECONFIG: '/none' },
    });
    assert.notEqual(elsewhere.code, 0);
  });

  test('keeps what a program writes away from the machine', async () => {
    const files = ['/usr/local/bin', '/opt', '/etc', '/root', '/tmp', '/var/lib', '/run'].map(
      (f) => `${f}/${run}`,
    );
    await inside(first, 'touch', ...files, '/opt/ivaap/file');
    assert.deepEqual(
      files.filter((file) => existsSync(file)),
      [],
    );
    assert.match(await inside(first, 'df', '--output=size', '/opt/ivaap'), /\d/);
  });

  test('runs programs with input, environment, terminal and time limit', async () => {
    assert.equal((await labExec(first, ['cat'], { input: 'word' })).stdout, 'word');
    assert.match((await labExec(first, ['env'], { env: { A: 'b' } })).stdout, /^A=b$/m);
    assert.doesNotMatch((await labExec(first, ['env'])).stdout, /^PWD=\/work|npm_/m);
    assert.match(
      (await labExec(first, ['sh', '-c', 'tput cols; tty'], { tty: { columns: 70 } })).stdout,
      /70\s+\/dev\/pts/,
    );
    assert.equal((await labExec(first, ['sh', '-c', 'exit 7'])).code, 7);
    assert.equal((await labExec(first, ['sleep', '60'], { timeoutMs: 300 })).signal, 'SIGKILL');
    const { child, pid } = labSpawn(first, ['sleep', '60']);
    const ended = new Promise((done) => child.on('close', done));
    const id = await pid();
    // The id is the program's from its fork on; on its way there it is a shell, and for an instant of each
    // exec nameless.
    const words = () => readFileSync(`/proc/${id}/cmdline`, 'utf8');
    await until(
      5_000,
      () => words() === 'sleep\x0060\0',
      () => `process ${id} is "${words()}"`,
    );
    process.kill(id, 'SIGKILL');
    await ended;
  });

  test('stops and starts the cluster under running pods', async () => {
    const before = await containers(first);
    await labCluster(first, 'stop');
    assert.notEqual((await labExec(first, ['kubectl', 'get', 'nodes'])).code, 0);
    await labCluster(first, 'start', { waitPods: false });
    assert.equal(await containers(first), before);
  });

  test('keeps the data through snapshot and clone, also with the host on the same disks', async () => {
    const claim = ['kubectl', 'get', 'pvc', 'data', '-o', 'jsonpath={.metadata.uid}'];
    const uid = await inside(first, ...claim);
    await inside(first, 'sh', '-c', 'echo kept >/opt/ivaap/kept');
    await timed('snapshot', () => labSnapshot(first, run));
    await timed('clone', () => labClone(run, second));
    await timed('up again', () => labUp(first));
    for (const name of [first, second]) {
      assert.equal(await inside(name, ...claim), uid);
      assert.equal(await inside(name, 'cat', '/opt/ivaap/kept'), 'kept');
      await served(name);
      assert.equal(await page(name), 'begun\nbegun');
    }
  });

  test('leaves nothing after down, wherever its command was killed', async () => {
    const cli = join(import.meta.dirname, 'cli.ts');
    for (const [index, afterMs] of [150, 400, 700, 1_500, 4_000, 9_000].entries()) {
      const name = `${run}-k${index}`;
      const command = spawn(process.execPath, [cli, 'up', name], { stdio: 'ignore' });
      const ended = new Promise((done) => command.on('close', done));
      await sleep(afterMs);
      command.kill('SIGKILL');
      await ended;
      await labDown(name);
      await nothingLeft(name);
    }
  });

  test('down ends a process that enters the host while the host is ended', async () => {
    for (let index = 0; index < 20; index++) {
      const name = `${run}-e${index}`;
      const enter = makeCgroups(name).map((file) => `echo $$ >${file}`);
      const command = spawn('sh', ['-euc', `${enter.join('; ')}; exec sleep 60`], { stdio: 'ignore' });
      const ended = new Promise((done) => command.on('close', done));
      await sleep(index / 4);
      await labDown(name);
      await ended;
      await nothingLeft(name);
    }
  });

  test('gives paths of built programs that run on the machine', async () => {
    const { helm, ctr } = await labPrograms();
    const { stdout } = await labExec(first, [helm, 'version', '--short']);
    assert.match(stdout, /v4\./);
    assert.ok(existsSync(ctr));
  });

  test('down ends a host with all that belongs to it', async () => {
    for (const name of [first, second]) {
      const known = hostNamespaces(name);
      assert.equal(known.length, 5);
      assert.ok(traces(name, known).length > 10);
      await timed('down', () => labDown(name));
      await nothingLeft(name, known);
    }
  });
});
