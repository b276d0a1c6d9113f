import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { measured } from '../../fixtures/measured.ts';
import { configFile, configuredImage, sandboxImage } from '../../../src/checks/sandbox-image.ts';

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
  for (const text of [version3, version2]) assert.equal(configuredImage(text), 'rancher/mirrored-pause:3.6');
  assert.equal(configuredImage('[other]\nsandbox = "x"\n'), undefined);
  const k3s = ['/var/lib/rancher/k3s/data/current/bin/containerd', '-c', '/etc/c.toml', '-a', 'sock'];
  assert.equal(configFile([['bash'], k3s]), '/etc/c.toml');
  assert.equal(configFile([['containerd', '--config=/a']]), '/a');
  assert.equal(configFile([['containerd-shim-runc-v2', '-c', '/b'], ['containerd']]), undefined);
});

test('a sandbox image that is missing or not complete fails, one that is not known warns', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'config.toml');
  writeFileSync(config, version3);
  const outcome = async (complete: boolean | undefined, argv = ['containerd', '-c', config]) => {
    const found = complete === undefined ? [] : [{ name: pause, digest: '', complete, unpacked: false }];
    const listProcesses = () => [{ pid: 7, startTime: 1, argv }];
    const containerd = { check: async () => found };
    return asTold(await measured(sandboxImage, { listProcesses, containerd }));
  };
  assert.equal((await outcome(true)).outcome, 'ok');
  const gone = await outcome(undefined);
  assert.deepEqual([gone.outcome, gone.measured.split(':')[0]], ['fail', 'docker.io/rancher/mirrored-pause']);
  assert.match(gone.measured, /not in containerd: no new pod starts/);
  assert.match((await outcome(false)).measured, /not complete/);
  assert.equal((await outcome(true, ['containerd'])).outcome, 'warn');
});
