import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain } from '../../../src/errors.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/** Images that were on the host before the product: an uninstall takes off only what was added. */

let host: SimulatedHost;
let empty: World;
/** Names of the release's images, without those by ID. */
let names: string[];
let images: SimulatedHost['cluster']['state']['images'];
let blobs: SimulatedHost['cluster']['state']['blobs'];
let unpacked: SimulatedHost['cluster']['state']['unpacked'];

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  images = structuredClone(host.cluster.state.images);
  blobs = structuredClone(host.cluster.state.blobs);
  unpacked = structuredClone(host.cluster.state.unpacked);
  names = Object.keys(images).filter((name) => !name.startsWith('sha256:'));
});
beforeEach(() => host.become(empty));
after(() => host.close());

const pin = 'io.cri-containerd.pinned';
/** CRI's own, on every name that it has seen. */
const managed = { 'io.cri-containerd.image': 'managed' };
const said = ({ error }: Invocation) => causeChain(error).join(': ');
const labelsOf = (name: string) => host.cluster.state.images[name]?.labels;

function putThere(name: string, labels: Record<string, string>): void {
  const { state } = host.cluster;
  Object.assign(state.blobs, structuredClone(blobs));
  Object.assign(state.unpacked, structuredClone(unpacked));
  state.images[name] = { ...structuredClone(images[name]!), labels: { ...labels } };
}

test('an image that was there, pinned or not, is there after an uninstall as it was', async () => {
  const pinned = { [pin]: 'pinned' };
  const all: Record<string, string>[] = [{}, pinned, { ...pinned, 'io.cattle.k3s.pinned': 'pinned' }];
  for (const added of all) {
    const labels = { ...managed, ...added };
    host.become(empty);
    const [name = '', ...brought] = names;
    assert.ok(brought.length > 0);
    putThere(name, labels);
    const done = await host.run('install');
    assert.equal(done.exitCode, 0, said(done));
    assert.equal(labelsOf(name)?.[pin], 'pinned');
    assert.equal((await host.run('upgrade')).exitCode, 0);
    const gone = await host.run('uninstall');
    assert.equal(gone.exitCode, 0, said(gone));
    assert.deepEqual(labelsOf(name), labels, JSON.stringify(labels));
    for (const other of brought) assert.equal(labelsOf(other), undefined, other);
  }
});

test('an uninstall removes the images of every release, also of those that are pinned no more', async () => {
  const labels = { ...managed, [pin]: 'pinned' };
  const [name = '', ...brought] = names;
  putThere(name, labels);
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const again = await host.run('upgrade', undefined, { reapply: true });
  assert.equal(again.exitCode, 0, said(again));
  const isPinned = (one: string) => labelsOf(one)?.[pin] === 'pinned';
  assert.deepEqual(brought.filter(isPinned), [], 'the garbage collection may have them');
  assert.ok(isPinned(name), 'others pinned it');
  const gone = await host.run('uninstall');
  assert.equal(gone.exitCode, 0, said(gone));
  const left = Object.keys(host.cluster.state.images).filter((one) => !one.startsWith('sha256:'));
  assert.deepEqual(left, [name]);
  assert.deepEqual(labelsOf(name), labels);
});

test('images of which an earlier program took its mark with the pin are named with the command', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.equal((await host.run('upgrade', undefined, { reapply: true })).exitCode, 0);
  for (const name of names) host.cluster.state.images[name]!.labels = { ...managed };
  let cut: World | undefined;
  const gone = await host.run('uninstall', (event) => {
    if (event.kind === 'place' && event.place === 'uninstall_data:running') cut = host.copy();
    return undefined;
  });
  assert.equal(gone.exitCode, 0, said(gone));
  host.become(cut!);
  // Also one that goes on: the backups have moved by then.
  for (const ended of [gone, await host.run('uninstall')]) {
    assert.equal(ended.exitCode, 0, said(ended));
    const left = (ended.result?.data.left ?? []) as { command: string }[];
    const commands = left.map(({ command }) => command);
    assert.deepEqual(
      commands.toSorted(),
      names.toSorted().map((name) => `k3s ctr images remove ${name}`),
    );
  }
});

test('of an older release, which recorded nothing, what k3s pins is left', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  const [name = ''] = names;
  host.cluster.state.images[name]!.labels['io.cattle.k3s.pinned'] = 'pinned';
  const gone = await host.run('uninstall');
  assert.equal(gone.exitCode, 0, said(gone));
  assert.equal(labelsOf(name)?.[pin], 'pinned');
  assert.equal(labelsOf(name)?.['tiny.installer/release'], undefined);
});
