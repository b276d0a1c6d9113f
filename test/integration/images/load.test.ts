import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { loadImages, type LoadSettings } from '../../../src/images/load.ts';
import { markedNames, unpinnedOf } from '../../../src/images/pins.ts';
import { planImages, type ImagesFrom } from '../../../src/images/plan.ts';
import { wantedImages } from '../../../src/images/wanted.ts';
import type { PayloadIndex } from '../../../src/payload/format/index-schema.ts';
import type { Product } from '../../../src/payload/product-schema.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { Payload } from '../../../src/payload/reader.ts';
import { startContainerd, type TestContainerd } from '../../fixtures/containerd.ts';
import { makeTinyPayload, noise, type TinyPayload } from '../../fixtures/tiny-payload.ts';
import { labPrograms } from '../../lab/programs.ts';

const bigLayerBytes = 8 * 1024 * 1024;
const core = 'docker-images.tar.gz';
const connectors = ['TINY_CONNECTOR'];

interface Release {
  tiny: TinyPayload;
  payload: Payload;
  index: PayloadIndex;
  product: Product;
}

async function release(version: string): Promise<Release> {
  const tiny = await makeTinyPayload({ version, bigLayerBytes });
  const payload = await openPayload(tiny.path);
  return { tiny, payload, index: await payload.index(), product: await payload.product() };
}

describe('loading images into a real containerd', () => {
  let node: TestContainerd;
  let first: Release;
  let second: Release;
  let folder = '';

  before(async () => {
    node = await startContainerd(await labPrograms());
    [first, second] = [await release('2026.1'), await release('2026.2')];
  });
  after(async () => {
    await node.stop();
    for (const { payload, tiny } of [first, second]) {
      await payload.close();
      tiny.remove();
    }
  });
  beforeEach(async () => {
    folder = mkdtempSync('/var/tmp/product-folder-');
    mkdirSync(join(folder, 'connectors'));
  });
  afterEach(async () => {
    await removeAll();
    rmSync(folder, { recursive: true });
  });

  /** Every name, and so, with `--sync`, every blob. CRI makes names of its own a moment after each import. */
  async function removeAll() {
    for (let names = await node.containerd.names(); names.length > 0; names = await node.containerd.names()) {
      await node.ctr('images', 'remove', '--sync', ...names.map(({ name }) => name)).catch(() => undefined);
    }
  }
  const plan = ({ index, product }: Release, from: ImagesFrom = 'auto', entitlements = connectors) =>
    planImages({
      containerd: node.containerd,
      wanted: wantedImages(index, product, entitlements),
      index,
      from,
      folder,
      command: './tiny',
    });
  async function load(of: Release, from: ImagesFrom = 'auto', more: Partial<LoadSettings> = {}) {
    const planned = await plan(of, from);
    const result = await loadImages(planned, {
      containerd: node.containerd,
      payload: of.payload,
      product: 'tiny',
      version: of.payload.identity.version,
      keepVersions: [],
      ...more,
    });
    return { planned, result };
  }
  const names = (version: string) =>
    ['server', 'db', 'alpha'].map((name) => `registry.example/tiny/${name}:${version}`);
  const writeArchive = (of: Release, name = core) =>
    writeFile(join(folder, name), Readable.from(of.payload.streamArchive(name)));
  async function assertReady(of: Release) {
    const wanted = wantedImages(of.index, of.product, connectors);
    const checked = await node.containerd.check();
    for (const { name, image } of wanted) {
      const row = checked.find((candidate) => candidate.name === name);
      assert.ok(row?.complete === true && row.unpacked, `${name} is complete and unpacked`);
      const config = JSON.parse((await node.containerd.blob(row.digest)) ?? '') as {
        config: { digest: string };
      };
      assert.equal(config.config.digest, image.config.digest);
    }
    assert.deepEqual(await unpinnedOf(node.containerd, wanted), []);
    assert.deepEqual(
      checked.map(({ name }) => name).filter((name) => name.includes('staging')),
      [],
    );
  }

  it('says itself where it keeps images, wherever that is', async () => {
    assert.equal(await node.containerd.root(), join(node.folder, 'root'));
  });

  it('loads all that is new, then only the layers that differ, then nothing', async () => {
    const { planned, result } = await load(first);
    assert.deepEqual(result.loaded, names('2026.1'));
    assert.ok(
      planned.missingBytes > bigLayerBytes && planned.missingBytes < 1.1 * bigLayerBytes,
      'shared once',
    );
    await assertReady(first);

    const again = await load(first);
    assert.deepEqual(again.result.present, names('2026.1'));
    assert.equal(again.result.importedBytes, 0);
    assert.equal(again.planned.missingBytes, 0);

    const upgrade = await load(second);
    assert.deepEqual(upgrade.result.loaded, names('2026.2'));
    assert.ok(upgrade.result.importedBytes < 100_000, `only ${upgrade.result.importedBytes} bytes are new`);
    await assertReady(second);
  });

  it('reports bytes of bytes while it loads', async () => {
    const seen: [number, number][] = [];
    const { planned } = await load(first, 'payload', {
      onProgress: (done, total) => seen.push([done, total]),
    });
    assert.deepEqual(seen.at(-1), [planned.missingBytes, planned.missingBytes]);
  });

  it('leaves out connectors without an entitlement', async () => {
    const { images } = await plan(first, 'auto', []);
    assert.deepEqual(
      images.map(({ name }) => name),
      names('2026.1').slice(0, 2),
    );
  });

  it("reads this release's archive on disk by position, under `disk` without the payload", async () => {
    await writeArchive(first);
    await writeArchive(first, 'connectors/alpha.tar.gz');
    const blob = () => assert.fail('the payload is not asked');
    const { planned } = await load(first, 'disk', { payload: { blob } });
    assert.deepEqual(
      planned.images.map(({ source }) => source?.kind),
      ['ours', 'ours', 'ours'],
    );
    await assertReady(first);
  });

  it("takes the payload under `auto` and refuses under `disk` when the archive is another release's", async () => {
    await writeArchive(first);
    const planned = await plan(second);
    assert.deepEqual(planned.warnings, []);
    assert.ok(planned.images.every(({ source }) => source === undefined));
    await assert.rejects(plan(second, 'disk'), (error: IvaapError) => {
      assert.match(error.message, /another release/);
      assert.equal(error.hint, `./tiny extract-file ${core} ${join(folder, core)}`);
      return error.code === 'failed';
    });
    await load(second);
    await assertReady(second);
  });

  it('loads what `docker save` of another tool wrote, by image ID', async () => {
    await load(first, 'payload');
    const list = names('2026.1');
    // Without `--local` ctr may end, with exit code 0, before the last of what containerd sent it is in the
    // file.
    await node.ctr('images', 'export', '--local', join(folder, 'plain.tar'), ...list);
    await node.runner.run(['sh', '-c', `gzip -c ${folder}/plain.tar > ${folder}/${core}`]);
    await removeAll();
    const { planned, result } = await load(first);
    assert.deepEqual(planned.warnings, []);
    assert.deepEqual(
      planned.images.map(({ source }) => source?.kind),
      ['foreign', 'foreign', undefined],
    );
    assert.deepEqual(result.loaded, list);
    await assertReady(first);
  });

  for (const [damage, harm] of [
    ['cut off in its last layer', (path: string) => truncateSync(path, statSync(path).size - 2000)],
    ['cut off early', (path: string) => truncateSync(path, 3000)],
    ['not gzip', (path: string) => writeFileSync(path, noise(50_000))],
    ['empty', (path: string) => truncateSync(path, 0)],
  ] as const) {
    it(`refuses an archive that is ${damage} under \`disk\`, warns and takes the payload under \`auto\``, async () => {
      const path = join(folder, core);
      await writeArchive(first);
      harm(path);
      await assert.rejects(plan(first, 'disk'), { code: 'failed' });
      assert.deepEqual(await node.containerd.check(), []);
      const { planned } = await load(first);
      assert.match(planned.warnings.join('\n'), new RegExp(`${core}.*payload`));
      await assertReady(first);
    });
  }

  it('finds bytes changed inside a layer while they stream, and never moves the name', async () => {
    await load(first, 'payload');
    const tag = names('2026.2')[0]!;
    await node.ctr('images', 'tag', names('2026.1')[0]!, tag);
    const before = (await node.containerd.names()).find(({ name }) => name === tag)?.digest;
    await writeArchive(second);
    await writeArchive(second, 'connectors/alpha.tar.gz');
    await node.ctr('images', 'remove', '--sync', ...names('2026.1').slice(1));
    const path = join(folder, core);
    const size = statSync(path).size;
    // The last layer's text, near the end of the file, changed in place: headers and sizes stay.
    await node.runner.run([
      'sh',
      '-c',
      `sed -i 's/db 2026.2/db 2026.X/; s/server 2026.2/server 2026.X/' ${path}`,
    ]);
    assert.equal(statSync(path).size, size);
    const planned = await plan(second, 'disk');
    const settings = {
      containerd: node.containerd,
      payload: second.payload,
      product: 'tiny',
      version: '2026.2',
      keepVersions: [],
    };
    await assert.rejects(loadImages(planned, settings), (error: IvaapError) => {
      assert.match(error.message, /damaged/);
      assert.match(error.hint ?? '', /extract-file/);
      return true;
    });
    assert.equal((await node.containerd.names()).find(({ name }) => name === tag)?.digest, before);
    const warnings: string[] = [];
    await load(second, 'auto', { warn: (line) => warnings.push(line) });
    assert.match(warnings.join('\n'), /damaged.*payload/);
    await assertReady(second);
  });

  it('imports in full when a blob that seemed to be there is gone', async () => {
    await load(first, 'payload');
    const planned = await plan(second, 'payload');
    const real = await node.containerd.blobs();
    await removeAll();
    const stale = { ...node.containerd, blobs: () => Promise.resolve(real) };
    const log: string[] = [];
    await loadImages(planned, {
      containerd: stale,
      payload: second.payload,
      product: 'tiny',
      version: '2026.2',
      keepVersions: [],
      log: (line) => log.push(line),
    });
    assert.match(log.join('\n'), /importing again with every blob/);
    await assertReady(second);
  });

  it('gives an image that is there under another name its own name only', async () => {
    await load(first, 'payload');
    const [server] = names('2026.1');
    await node.ctr('images', 'tag', server!, 'registry.example/kept/by:hand');
    await node.ctr('images', 'remove', '--sync', server!);
    const { result } = await load(first, 'payload');
    assert.deepEqual(result.tagged, [server]);
    assert.equal(result.importedBytes, 0);
    await assertReady(first);
  });

  it('pins again what lost its pin, and lets the release before last go', async () => {
    await load(first, 'payload');
    await node.ctr('images', 'label', names('2026.1')[0]!, 'io.cri-containerd.pinned=');
    await load(first, 'payload');
    await assertReady(first);
    const { result } = await load(second, 'payload', { keepVersions: ['2026.1'] });
    assert.deepEqual(result.unpinned, []);
    await assertReady(first);
    const { result: later } = await load(second, 'payload', { keepVersions: [] });
    assert.deepEqual(later.unpinned.toSorted(), names('2026.1').toSorted());
    const wanted = wantedImages(first.index, first.product, connectors);
    assert.deepEqual(await unpinnedOf(node.containerd, wanted), names('2026.1'));
    await assertReady(second);
    const marked = markedNames(await node.containerd.names(), 'tiny').map(({ name }) => name);
    assert.deepEqual(marked.toSorted(), [...names('2026.1'), ...names('2026.2')].toSorted());
    const { result: again } = await load(second, 'payload', { keepVersions: [] });
    assert.deepEqual(again.unpinned, [], 'each is let go once');
    await load(first, 'payload', { keepVersions: ['2026.2'] });
    await assertReady(first);
  });

  it('stops between bytes when asked to, and continues in the next run', async () => {
    const abort = new AbortController();
    const onProgress = () => abort.abort(new IvaapError('interrupted', 'stopped'));
    await assert.rejects(load(first, 'payload', { signal: abort.signal, onProgress }));
    await load(first, 'payload');
    await assertReady(first);
  });
});
