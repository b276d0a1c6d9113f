import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { KubeObject, Kubectl } from '../../../src/host/kubectl.ts';
import { compareWithRuntime } from '../../../src/images/compare-runtime.ts';
import { loadImages } from '../../../src/images/load.ts';
import { markedNames, unpinnedOf } from '../../../src/images/pins.ts';
import { planImages, type ImagePlan, type ImagesFrom } from '../../../src/images/plan.ts';
import { wantedImages } from '../../../src/images/wanted.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { Payload } from '../../../src/payload/reader.ts';
import type { PayloadIndex } from '../../../src/payload/format/index-schema.ts';
import { ourImages } from '../../../src/release/our-images.ts';
import { startContainerd, type TestContainerd } from '../../fixtures/containerd.ts';
import { docker24Archive } from '../../fixtures/image-archives.ts';
import { type TestImage, writeOciLayout } from '../../fixtures/oci-layout.ts';
import { makeTinyPayload, tinyProduct, type TinyPayload } from '../../fixtures/tiny-payload.ts';
import { labPrograms } from '../../lab/programs.ts';

/** References by digest: kubelet asks CRI for exactly that name, and no registry answers. */

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

const repository = 'registry.example/team/api';
const apiOf = (version: string): TestImage => ({
  reference: `${repository}:${version}`,
  // `docker save` stores it uncompressed, under another manifest.
  layers: [{ files: { 'app/api': `api ${version}\n` }, compression: 'gzip' }],
});
const webOf = (version: string): TestImage => ({
  reference: `registry.example/team/web:${version}`,
  layers: [{ files: { 'app/web': `web ${version}\n` } }],
});

/** A layout as `skopeo copy --all` writes it: web is an index of all platforms, api a manifest. */
function writeLayout(folder: string, version: string): { api: string; web: string } {
  writeOciLayout(folder, [apiOf(version), webOf(version)]);
  const read = () =>
    JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  const [api, web] = read().manifests as [Descriptor, Descriptor];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const { annotations, ...own } = web;
  const nested = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      manifests: [{ ...own, platform: { os: 'linux', architecture: 'amd64' } }],
    }),
  );
  const digest = `sha256:${createHash('sha256').update(nested).digest('hex')}`;
  writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), nested);
  const manifests = [api, { mediaType, digest, size: nested.length, annotations }];
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return { api: api.digest, web: digest };
}

interface Release {
  tiny: TinyPayload;
  payload: Payload;
  index: PayloadIndex;
  version: string;
  /** Digests by which its chart names them: of a manifest, and of an index. */
  api: string;
  web: string;
}

async function release(version: string): Promise<Release> {
  const scratch = mkdtempSync('/var/tmp/digests-');
  const { api, web } = writeLayout(join(scratch, 'layout'), version);
  rmSync(scratch, { recursive: true });
  const references = [
    `${repository}:${version}`,
    `${repository}:${version}@${api}`,
    `registry.example/team/web@${web}`,
  ];
  const tiny = await makeTinyPayload({
    version,
    editSpec: (spec) => {
      (spec['images'] as object[]).push(
        ...references.map((reference) => ({ reference, ociLayout: 'by-digest' })),
      );
      (spec['archives'] as Record<string, string[]>)['docker-images.tar.gz']!.push(...references);
    },
    editFiles: (folder) => void writeLayout(join(folder, 'by-digest'), version),
  });
  const payload = await openPayload(tiny.path);
  return { tiny, payload, index: await payload.index(), version, api, web };
}

describe('references by digest in a real containerd', () => {
  let node: TestContainerd;
  let first: Release;
  let second: Release;
  let folder: string;

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
    await removeAll();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Every name, and so, with `--sync`, every blob. */
  async function removeAll() {
    for (let names = await node.containerd.names(); names.length > 0; names = await node.containerd.names())
      await node.ctr('images', 'remove', '--sync', ...names.map(({ name }) => name)).catch(() => undefined);
  }

  const wantedOf = async ({ index, payload }: Release) => wantedImages(index, await payload.product(), []);
  const plan = async (of: Release, from: ImagesFrom = 'payload') =>
    planImages({
      containerd: node.containerd,
      wanted: await wantedOf(of),
      index: of.index,
      from,
      folder,
      command: './tiny',
    });
  const load = async (of: Release, from: ImagesFrom = 'payload', keepVersions: string[] = []) =>
    loadImages(await plan(of, from), {
      containerd: node.containerd,
      payload: of.payload,
      product: 'tiny',
      version: of.version,
      keepVersions,
    });
  const namesOf = ({ version, api, web }: Release) => [
    `${repository}:${version}`,
    `${repository}@${api}`,
    `registry.example/team/web@${web}`,
  ];
  const idOf = ({ index }: Release, name: string) =>
    index.images.find(({ reference }) => reference === name)?.config.digest;
  /** As kubelet asks CRI before it starts a container; undefined: it would ask a registry. */
  async function asKubelet(reference: string): Promise<string | undefined> {
    const endpoint = `unix://${node.socket}`;
    const words = [`--runtime-endpoint=${endpoint}`, `--image-endpoint=${endpoint}`];
    const { exitCode, stdout } = await node.runner.run(
      [node.k3s, 'crictl', ...words, 'inspecti', '-o', 'json', reference],
      { okCodes: 'any' },
    );
    return exitCode === 0 ? (JSON.parse(stdout) as { status: { id: string } }).status.id : undefined;
  }
  const store = async () =>
    Object.fromEntries((await node.containerd.names()).map(({ name, digest }) => [name, digest]));
  const kubectl = (...objects: object[]) =>
    ({ list: async () => objects as unknown as KubeObject[] }) as unknown as Kubectl;

  it('are found by kubelet with and without a tag, pinned, whether they name a manifest or an index', async () => {
    await load(first);
    const [tag = '', api = '', web = ''] = namesOf(first);
    const spellings: [string, string][] = [
      [tag, tag],
      [api, api],
      [`${repository}:2026.1@${first.api}`, api],
      [`${repository}:other@${first.api}`, api],
      [web, web],
      [`registry.example/team/web:2026.1@${first.web}`, web],
    ];
    for (const [asked, name] of spellings) assert.equal(await asKubelet(asked), idOf(first, name), asked);
    assert.equal(await asKubelet('registry.example/team/web:2026.1'), undefined, 'only what the chart names');
    const there = await store();
    assert.equal(there[api], first.api);
    const wanted = await wantedOf(first);
    assert.deepEqual(await unpinnedOf(node.containerd, wanted), []);
    const compared = compareWithRuntime(
      wanted.map(({ image }) => image),
      await node.containerd.runtimeImages(),
    );
    assert.deepEqual([...new Set(compared.map(({ state, pinned }) => `${state} ${pinned}`))], ['same true']);
    assert.deepEqual([...new Set((await plan(first)).images.map(({ action }) => action))], ['none']);
  });

  it('of a release before the last are let go, those of the one to go back to stay', async () => {
    await load(first);
    await load(second, 'payload', ['2026.1']);
    for (const each of [first, second])
      assert.deepEqual(await unpinnedOf(node.containerd, await wantedOf(each)), []);
    const { unpinned } = await load(second);
    for (const name of namesOf(first)) assert.ok(unpinned.includes(name), name);
    assert.deepEqual(
      (await unpinnedOf(node.containerd, await wantedOf(first))).filter((name) => name.includes('/team/')),
      namesOf(first),
    );
    const { present } = await load(first, 'payload', ['2026.2']);
    for (const name of namesOf(first)) assert.ok(present.includes(name), name);
    assert.deepEqual(await unpinnedOf(node.containerd, await wantedOf(first)), []);
  });

  it('are removed by an uninstall exactly where they are ours', async () => {
    const [, api = '', web = ''] = namesOf(first);
    // Somebody has api by this digest, and a pod of another namespace names web by it.
    await load(first);
    await node.containerd.label(api, { 'tiny.installer/release': '', 'io.cri-containerd.pinned': '' });
    await load(first);
    const pod = {
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'others' },
      spec: { containers: [{ name: 'c', image: `registry.example/team/web:any@${first.web}` }] },
    };
    const marked = markedNames(await node.containerd.names(), 'tiny').map(({ name }) => name);
    for (const name of namesOf(first)) assert.ok(marked.includes(name), name);
    const found = await ourImages(
      { containerd: node.containerd, kubectl: kubectl(pod) },
      tinyProduct,
      AbortSignal.timeout(60_000),
    );
    assert.ok(found.known);
    const { ours, shared } = found.value;
    assert.deepEqual(shared.map(({ name, why }) => `${name}: ${why}`).toSorted(), [
      `${api}: it was there before`,
      `${web}: Pod/p of others names it`,
    ]);
    assert.ok(ours.includes(`${repository}:2026.1`));
    await node.containerd.remove(ours);
    assert.equal(await asKubelet(api), idOf(first, api));
    assert.equal(await asKubelet(web), idOf(first, web));
    assert.equal(await asKubelet(`${repository}:2026.1`), undefined);
  });

  it('are given to no other manifest of the same image, from the store or from an archive', async () => {
    const [tag = '', api = ''] = namesOf(first);
    // As docker saved it: the same image ID under a manifest that the host makes.
    const archive = join(folder, 'docker-images.tar.gz');
    writeFileSync(archive, await docker24Archive([apiOf('2026.1')]));
    const wanted = (await wantedOf(first)).filter(({ name }) => name.startsWith(repository));
    const settings = { containerd: node.containerd, wanted, index: first.index, folder, command: './tiny' };
    await assert.rejects(planImages({ ...settings, from: 'disk' }), (error: Error) => {
      assert.match(
        error.message,
        new RegExp(`it has ${api} as sha256:[0-9a-f]{64}: another manifest than the digest in the name`),
      );
      return true;
    });
    const loadPlanned = async (planned: ImagePlan) =>
      loadImages(planned, {
        containerd: node.containerd,
        payload: first.payload,
        product: 'tiny',
        version: '2026.1',
        keepVersions: [],
      });
    const sources = ({ images }: ImagePlan) =>
      images.map(({ name, action, source }) => [name, action, source?.kind]);
    const onlyTag = { ...settings, wanted: wanted.filter(({ name }) => name === tag) };
    await loadPlanned(await planImages({ ...onlyTag, from: 'disk' }));
    assert.notEqual((await store())[tag], first.api);
    const planned = await planImages({ ...settings, from: 'auto' });
    assert.deepEqual(sources(planned), [
      [tag, 'none', undefined],
      [api, 'load', undefined],
    ]);
    await loadPlanned(planned);
    const there = await store();
    assert.equal(there[api], first.api);
    assert.notEqual(there[tag], first.api);
    for (const name of [tag, api]) assert.equal(await asKubelet(name), idOf(first, name), name);
    assert.deepEqual(await unpinnedOf(node.containerd, wanted), []);
  });

  it('both of one image come out of one archive on disk, ours or another tool’s', async () => {
    await load(first);
    const names = (await wantedOf(first)).map(({ name }) => name);
    await node.ctr('images', 'export', '--local', join(folder, 'plain.tar'), ...names);
    await node.runner.run(['sh', '-c', `gzip -c ${folder}/plain.tar > ${folder}/docker-images.tar.gz`]);
    await removeAll();
    const planned = await plan(first, 'disk');
    assert.deepEqual([...new Set(planned.images.map(({ source }) => source?.kind))], ['foreign']);
    await load(first, 'disk');
    for (const name of namesOf(first)) assert.equal(await asKubelet(name), idOf(first, name), name);
    assert.deepEqual(await unpinnedOf(node.containerd, await wantedOf(first)), []);
  });
});
