import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IvaapError } from '../../../src/errors.ts';
import { loadImages, type LoadSettings } from '../../../src/images/load.ts';
import { unpinnedOf } from '../../../src/images/pins.ts';
import { planImages, type PlanSettings } from '../../../src/images/plan.ts';
import { wantedImages } from '../../../src/images/wanted.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { sudo } from '../../../src/shell-word.ts';
import { startContainerd, type TestContainerd } from '../../fixtures/containerd.ts';
import { makeTinyPayload, type TinyOptions } from '../../fixtures/tiny-payload.ts';
import { labPrograms } from '../../lab/programs.ts';

const connectors = ['TINY_CONNECTOR'];

async function release(version: string, options: TinyOptions = {}) {
  const tiny = await makeTinyPayload({ version, ...options });
  const payload = await openPayload(tiny.path);
  const [index, product] = await Promise.all([payload.index(), payload.product()]);
  const wanted = wantedImages(index, product, connectors);
  const close = async () => {
    await payload.close();
    tiny.remove();
  };
  return { tiny, payload, index, product, wanted, close };
}
type Release = Awaited<ReturnType<typeof release>>;

describe("containerd's content store, as it may be found", () => {
  let node: TestContainerd;
  let first: Release;
  let second: Release;
  before(async () => {
    node = await startContainerd(await labPrograms());
    [first, second] = [await release('2026.1'), await release('2026.2')];
  });
  after(async () => {
    await node.stop();
    await first.close();
    await second.close();
  });
  afterEach(() => clear(node));

  async function clear({ containerd, ctr }: TestContainerd) {
    for (let names = await containerd.names(); names.length > 0; names = await containerd.names())
      await ctr('images', 'remove', '--sync', ...names.map(({ name }) => name)).catch(() => undefined);
    // Snapshots go when a collection has seen that no name needs them.
    for (let left = 2; left > 1;) {
      await ctr('leases', 'create', '--id', 'clear');
      await ctr('leases', 'delete', '--sync', 'clear');
      left = (await ctr('snapshots', 'list')).trim().split('\n').length;
    }
  }
  const plan = ({ index, wanted }: Release, more: Partial<PlanSettings> = {}) => {
    const settings = {
      containerd: node.containerd,
      wanted,
      index,
      from: 'payload',
      folder: '/nowhere',
    } as const;
    return planImages({ ...settings, command: './tiny', ...more });
  };
  async function load(of: Release, more: Partial<LoadSettings> = {}) {
    const { containerd = node.containerd } = more;
    const warnings: string[] = [];
    const result = await loadImages(await plan(of, { containerd }), {
      containerd,
      payload: of.payload,
      product: 'tiny',
      version: of.payload.identity.version,
      keepVersions: [],
      warn: (line) => warnings.push(line),
      ...more,
    });
    return { result, warnings };
  }
  const assertReady = async (of: Release, on = node) => {
    const { images } = await plan(of, { containerd: on.containerd });
    assert.deepEqual(
      images.map(({ action }) => action),
      images.map(() => 'none'),
    );
    assert.deepEqual(await unpinnedOf(on.containerd, of.wanted), []);
  };
  const blobFile = (digest: string) =>
    join(node.folder, 'root/io.containerd.content.v1.content/blobs', digest.replace(':', '/'));
  /** Content without snapshots, as a pull that was cut off leaves it, with a blob that has rotted since. */
  async function rot(of: Release, archive: string, digest: string) {
    const path = join(node.folder, 'archive.tar.gz');
    const pieces: Buffer[] = [];
    for await (const piece of of.payload.streamArchive(archive)) pieces.push(piece);
    writeFileSync(path, Buffer.concat(pieces));
    await node.ctr('images', 'import', '--no-unpack', path);
    const bytes = readFileSync(blobFile(digest));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(blobFile(digest), bytes);
  }
  const core = 'docker-images.tar.gz';
  const isSound = (digest: string) =>
    `sha256:${createHash('sha256')
      .update(readFileSync(blobFile(digest)))
      .digest('hex')}` === digest;

  for (const [what, blobOf] of [
    ['a layer', () => first.wanted[0]!.image.layers[0]!.digest],
    ['a configuration', () => first.wanted[0]!.image.config.digest],
  ] as const) {
    it(`is fixed where ${what} has rotted on its disk: named, removed and imported again`, async () => {
      const digest = blobOf();
      await rot(first, core, digest);
      assert.equal(isSound(digest), false);
      const { warnings } = await load(first);
      assert.match(
        warnings.join('\n'),
        new RegExp(`blob ${digest} .* was damaged; it was removed and is imported`),
      );
      assert.equal(isSound(digest), true);
      await assertReady(first);
    });
  }

  it('is not touched where another image uses the damaged blob; the commands that are printed let the next run continue', async () => {
    const { digest } = first.wanted[0]!.image.layers[0]!;
    await rot(second, core, digest);
    let hint = '';
    await assert.rejects(load(first), (error: IvaapError) => {
      assert.equal(error.code, 'failed');
      const [server, db] = second.wanted.map(({ name }) => name);
      assert.ok(
        error.message.includes(`the blob ${digest} in containerd's content store is damaged`),
        error.message,
      );
      for (const name of [server!, db!]) assert.ok(error.message.includes(name), error.message);
      const commands = /again, which imports it: (.*)$/.exec(error.hint!)?.[1];
      hint = commands!.replaceAll(sudo.ctr, `${node.k3s} ctr --address ${node.socket} --namespace k8s.io`);
      return true;
    });
    assert.equal(isSound(digest), false);
    await node.runner.run(['sh', '-c', hint]);
    await load(first);
    assert.equal(isSound(digest), true);
    await assertReady(first);
  });

  it('keeps each image from the moment that it has its name, also those that were there before', async () => {
    await load(first);
    for (const { name } of first.wanted) await node.ctr('images', 'label', name, 'io.cri-containerd.pinned=');
    const [there, ...others] = first.wanted;
    const stored = await node.containerd.names();
    const gone = stored.filter(({ digest }) => digest !== there!.image.manifest.digest);
    await node.ctr('images', 'remove', '--sync', ...gone.map(({ name }) => name));
    let imports = 0;
    const containerd: typeof node.containerd = {
      ...node.containerd,
      async import(tar, options) {
        const named = [there!, ...others.slice(0, imports)];
        imports += 1;
        // CRI hears of a label in an event of its own.
        for (let tries = 0; (await unpinnedOf(node.containerd, named)).length > 0; tries += 1) {
          assert.ok(
            tries < 50,
            `not kept before import ${imports}: ${named.map(({ name }) => name).join(', ')}`,
          );
          await sleep(100);
        }
        await node.containerd.import(tar, options);
      },
    };
    await load(first, { containerd });
    assert.equal(imports, 2);
    await assertReady(first);
  });

  it('keeps the image that a rollback returns to under a name of ours where two releases share a name', async () => {
    const [old, next] = [await release('2026.1'), await release('2026.1', { bigLayerBytes: 90_000 })];
    try {
      const { name, image } = old.wanted[0]!;
      await load(old, { version: '2026.1' });
      await load(next, { version: '2026.2', keepVersions: ['2026.1'] });
      await assertReady(next);
      const shown = (await node.containerd.runtimeImages()).find(({ id }) => id === image.config.digest);
      const kept = `tiny.invalid/kept/${image.manifest.digest.slice(7)}:image`;
      assert.deepEqual([shown?.pinned, shown?.repoTags], [true, [kept]]);
      // Back again: nothing is loaded, and the newer image stays in its turn.
      const back = await load(old, { version: '2026.1', keepVersions: ['2026.2'] });
      assert.deepEqual([back.result.tagged.includes(name), back.result.importedBytes], [true, 0]);
      await assertReady(old);
      // Two releases later nothing needs it any more.
      const { result } = await load(next, { version: '2026.3', keepVersions: ['2026.2'] });
      assert.ok(result.unpinned.includes(kept), result.unpinned.join(', '));
      assert.ok(!(await node.containerd.names()).some((stored) => stored.name === kept));
    } finally {
      await old.close();
      await next.close();
    }
  });

  it('says whose pods use a name before it is moved, and nothing of names that stay', async () => {
    const [old, next] = [await release('2026.1'), await release('2026.1', { bigLayerBytes: 90_000 })];
    try {
      await load(old);
      assert.deepEqual(await node.containerd.runtimeContainers(), []);
      const [server, db] = old.wanted;
      const imageId = server!.image.config.digest;
      const runs = (namespace: string, pod: string, imageName: string | undefined) => ({
        namespace,
        pod,
        imageId,
        imageName,
      });
      const containerd: typeof node.containerd = {
        ...node.containerd,
        runtimeContainers: () =>
          Promise.resolve([
            runs('tiny', 'server-0', server!.name),
            runs('other', 'shop-1', server!.name),
            runs('other', 'by-id', undefined),
            runs('other', 'elsewhere', 'registry.example/else:1'),
          ]),
      };
      const { warnings } = await plan(next, { containerd, product: { name: 'tiny', namespace: 'tiny' } });
      assert.equal(warnings.length, 1, warnings.join('\n'));
      assert.match(
        warnings[0]!,
        new RegExp(
          `^${server!.name} is also used by other/by-id, other/shop-1\\. .* is kept as tiny\\.invalid/kept/`,
        ),
      );
      assert.ok(!warnings[0]!.includes(db!.name));
      assert.deepEqual(
        (await plan(old, { containerd, product: { name: 'tiny', namespace: 'tiny' } })).warnings,
        [],
      );
    } finally {
      await old.close();
      await next.close();
    }
  });

  it('counts as unpacked only for the snapshotter that CRI starts containers from', async () => {
    const native = await startContainerd(await labPrograms(), { snapshotter: 'native' });
    try {
      const path = join(native.folder, 'archive.tar.gz');
      const pieces: Buffer[] = [];
      for await (const piece of first.payload.streamArchive(core)) pieces.push(piece);
      writeFileSync(path, Buffer.concat(pieces));
      await native.runner.run(['gunzip', path]);
      const tar = path.replace(/\.gz$/, '');
      await native.ctr('images', 'import', '--local', '--snapshotter', 'overlayfs', tar);
      const { containerd } = native;
      const { images } = await plan(first, { containerd });
      assert.deepEqual(
        images.map(({ action }) => action),
        ['load', 'load', 'load'],
      );
      await load(first, { containerd });
      await assertReady(first, native);
      const snapshots = await native.ctr('snapshots', '--snapshotter', 'native', 'list');
      const { diffId } = first.wanted[0]!.image.layers[0]!;
      assert.ok(snapshots.includes(diffId), snapshots);
    } finally {
      await native.stop();
    }
  });
});
