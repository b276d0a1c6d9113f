import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain } from '../../../src/errors.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/** A product whose chart names an image by its digest: `name:tag@sha256:…`. */

let host: SimulatedHost;
let empty: World;
before(async () => {
  host = await SimulatedHost.start({}, {}, undefined, { byDigest: true });
  empty = host.copy();
});
beforeEach(() => host.become(empty));
after(() => host.close());

const pin = 'io.cri-containerd.pinned';
const said = ({ error }: Invocation) => causeChain(error).join(': ');
const names = () => Object.keys(host.cluster.state.images).filter((name) => !name.startsWith('sha256:'));
const server = /^registry\.example\/tiny\/server@sha256:[0-9a-f]{64}$/;
const servers = () => names().filter((name) => server.test(name));
const isPinned = (name: string) => host.cluster.state.images[name]?.labels[pin] === 'pinned';

async function ran(...[flow, watch, options]: Parameters<SimulatedHost['run']>): Promise<Invocation> {
  const done = await host.run(flow, watch, options);
  assert.equal(done.exitCode, 0, said(done));
  return done;
}

test('it is installed, upgraded, gone back from and removed under exactly that name', async () => {
  await ran('install');
  const [first = ''] = servers();
  assert.equal(servers().length, 1);
  assert.ok(!names().some((name) => name.includes('/server:')), 'no name that nothing asks for');
  assert.ok(isPinned(first));
  await ran('upgrade');
  assert.equal(servers().length, 2);
  assert.ok(servers().every(isPinned), 'the one to go back to as well');
  const upgraded = host.copy();
  await ran('restore');
  assert.ok(isPinned(first));
  host.become(upgraded);
  await ran('uninstall');
  assert.deepEqual(names(), []);
});

test('what was there under that name before stays after an uninstall, unpinned', async () => {
  await ran('install');
  const [name = ''] = servers();
  const { images, blobs, unpacked } = structuredClone(host.cluster.state);
  host.become(empty);
  Object.assign(host.cluster.state.blobs, blobs);
  Object.assign(host.cluster.state.unpacked, unpacked);
  const labels = { 'io.cri-containerd.image': 'managed' };
  host.cluster.state.images[name] = { ...images[name]!, labels: { ...labels } };
  await ran('install');
  assert.ok(isPinned(name));
  await ran('uninstall');
  assert.deepEqual(names(), [name]);
  assert.deepEqual(host.cluster.state.images[name]?.labels, labels);
});

test('a load that was killed goes on, and a release that is let go leaves no name behind', async () => {
  await ran('install');
  for (const place of ['upgrade_load_images:running', 'upgrade_load_images:half-loaded']) {
    const cut = await host.run('upgrade', signalAt(place, 'SIGINT').watch);
    assert.equal(cut.exitCode, 130, place);
  }
  await ran('upgrade');
  await ran('upgrade', undefined, { reapply: true });
  assert.deepEqual(servers().map(isPinned).toSorted(), [false, true]);
  await ran('uninstall');
  assert.deepEqual(names(), []);
});
