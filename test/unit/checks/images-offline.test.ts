import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';
import { mirroredRegistries } from '../../../src/host/k3s.ts';
import type { CheckContext } from '../../../src/checks/facts.ts';
import { checkPullPolicy } from '../../../src/checks/pull-policy.ts';
import { podTemplates } from '../../../src/release/pod-templates.ts';
import { checkSandboxImage, configFile, sandboxImage } from '../../../src/checks/sandbox-image.ts';
import type { PodTrial } from '../../../src/release/pod-trials.ts';

/** Images that no pod starts with where nothing can be pulled. */

const pause = 'docker.io/rancher/mirrored-pause:3.6';
const version3 = `version = 3
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  # sandbox = 'docker.io/none:1'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "rancher/mirrored-pause:3.6"
[other]
  sandbox = "no"
`;
const version2 = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "rancher/mirrored-pause:3.6"
`;

test('the sandbox image is the one that the running containerd was configured with, in both versions', () => {
  for (const text of [version3, version2]) assert.equal(sandboxImage(text), 'rancher/mirrored-pause:3.6');
  assert.equal(sandboxImage('[other]\nsandbox = "x"\n'), undefined);
  const k3s = ['/var/lib/rancher/k3s/data/current/bin/containerd', '-c', '/etc/c.toml', '-a', 'sock'];
  assert.equal(configFile([['bash'], k3s]), '/etc/c.toml');
  assert.equal(configFile([['containerd', '--config=/a']]), '/a');
  assert.equal(configFile([['containerd-shim-runc-v2', '-c', '/b'], ['containerd']]), undefined);
});

test('a sandbox image that is gone or not whole fails, one that is not known warns', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'config.toml');
  writeFileSync(config, version3);
  const outcome = async (complete: boolean | undefined, argv = ['containerd', '-c', config]) => {
    const found = complete === undefined ? [] : [{ name: pause, digest: '', complete, unpacked: false }];
    const listProcesses = () => [{ pid: 7, startTime: 1, argv }];
    const ctx = { listProcesses, containerd: { check: async () => found } } as unknown as CheckContext;
    return asTold(await checkSandboxImage(ctx));
  };
  assert.equal((await outcome(true)).outcome, 'ok');
  const gone = await outcome(undefined);
  assert.deepEqual([gone.outcome, gone.measured.split(':')[0]], ['fail', 'docker.io/rancher/mirrored-pause']);
  assert.match(gone.measured, /not in containerd: no new pod starts/);
  assert.match((await outcome(false)).measured, /not whole/);
  assert.equal((await outcome(true, ['containerd'])).outcome, 'warn');
});

const asking = (image: string, more: object = {}, spec: object = {}): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { template: { spec: { containers: [{ name: 'web', image, ...more }], ...spec } } },
});

test('an image that is asked of a registry at each start fails, by what is said and by Kubernetes’ default', async () => {
  const outcome = async (manifest: Manifest) => (await checkPullPolicy([manifest], [], '/v.yaml')).outcome;
  const rows: [Manifest, 'ok' | 'fail'][] = [
    [asking('acme.example/web:1'), 'ok'],
    [asking('acme.example/web:1', { imagePullPolicy: 'Always' }), 'fail'],
    [asking('acme.example/web:latest'), 'fail'],
    [asking('acme.example/web'), 'fail'],
    [asking('acme.example:5000/web'), 'fail'],
    [asking('acme.example/web:latest', { imagePullPolicy: 'IfNotPresent' }), 'ok'],
    [asking('acme.example/web', { imagePullPolicy: 'Never' }), 'ok'],
    [asking(`acme.example/web@sha256:${'a'.repeat(64)}`), 'ok'],
    [
      asking('a:1', {}, { initContainers: [{ name: 'first', image: 'b:1', imagePullPolicy: 'Always' }] }),
      'fail',
    ],
    [
      asking('a:1', {}, { volumes: [{ name: 'v', image: { reference: 'c:1', pullPolicy: 'Always' } }] }),
      'fail',
    ],
    [asking('a:1', {}, { volumes: [{ name: 'v', image: { reference: 'c:1' } }] }), 'ok'],
  ];
  for (const [manifest, expected] of rows) {
    assert.equal(await outcome(manifest), expected, JSON.stringify(manifest.spec));
  }
  const { fix, measured } = asTold(await checkPullPolicy([asking('a:latest')], [], '/v.yaml'));
  assert.match(measured, /^Deployment\/web: web asks for a:latest/);
  assert.match(fix ?? '', /^sudoedit \/v\.yaml/);
});

test('what admission makes of a pod counts more than its template', async () => {
  const pod = {
    metadata: { name: 'x' },
    spec: { containers: [{ name: 'web', image: 'a:1', imagePullPolicy: 'Always' }] },
  };
  const trial = { workload: 'Deployment/web', namespace: 'n', owner: 'release', pod } as unknown as PodTrial;
  assert.equal((await checkPullPolicy([asking('a:1')], [trial], '/v.yaml')).outcome, 'fail');
});

test('registries that k3s asks elsewhere may be asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mirrors-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'registries.yaml');
  writeFileSync(file, 'mirrors:\n  docker.io:\n    endpoint: ["https://mirror.example"]\n  "*":\n');
  assert.deepEqual(await mirroredRegistries(file), ['docker.io', '*']);
  writeFileSync(file, 'configs: {}\n');
  assert.deepEqual(await mirroredRegistries(file), []);
  assert.deepEqual(await mirroredRegistries(join(folder, 'none')), []);
});

test('an image that is mounted is one of the pod’s', () => {
  const spec = {
    volumes: [
      { name: 'v', image: { reference: 'c:1' } },
      { name: 'w', emptyDir: {} },
    ],
  };
  assert.deepEqual(
    podTemplates([asking('a:1', {}, spec)])[0]?.containers.map(({ image }) => image),
    ['a:1', 'c:1'],
  );
});
