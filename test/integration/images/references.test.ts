import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { compareWithRuntime } from '../../../src/images/compare-runtime.ts';
import { loadImages } from '../../../src/images/load.ts';
import { unpinnedOf } from '../../../src/images/pins.ts';
import { planImages } from '../../../src/images/plan.ts';
import { normalizedReference, parseReference } from '../../../src/images/reference.ts';
import { wantedImages } from '../../../src/images/wanted.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { startContainerd, type TestContainerd } from '../../fixtures/containerd.ts';
import type { TestImage } from '../../fixtures/oci-layout.ts';
import { writeOciLayout } from '../../fixtures/oci-layout.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';
import { labPrograms } from '../../lab/programs.ts';

const imageOf = (reference: string): TestImage => ({
  reference,
  layers: [{ files: { name: `${reference}\n` } }],
});
/** The digest of an image's manifest, as a tool that wrote the layout would tell it. */
function digestOf(image: TestImage): string {
  const folder = mkdtempSync(join(tmpdir(), 'digest-of-'));
  try {
    writeOciLayout(folder, [image]);
    const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    return index.manifests[0]!.digest;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const pinned = imageOf('registry.example/pinned:1');
const both = imageOf('familiar-both:1');

/** As the spec names it, and what charts may write for the same. */
const spellings: Record<string, string[]> = {
  'plain:3': ['plain:3', 'docker.io/plain:3', 'docker.io/library/plain:3', 'index.docker.io/plain:3'],
  'index.docker.io/team/hub': ['team/hub', 'team/hub:latest', 'docker.io/team/hub:latest'],
  'Registry.Example:5000/upper/host:1': ['Registry.Example:5000/upper/host:1'],
  'localhost/local:1': ['localhost/local:1'],
  [`registry.example/pinned@${digestOf(pinned)}`]: [
    `registry.example/pinned@${digestOf(pinned)}`,
    `registry.example/pinned:1@${digestOf(pinned)}`,
  ],
  [`familiar-both:1@${digestOf(both)}`]: [
    `docker.io/library/familiar-both:9@${digestOf(both)}`,
    `familiar-both@${digestOf(both)}`,
  ],
};

describe('names of images in a real containerd', () => {
  let node: TestContainerd;
  let tiny: TinyPayload;
  before(async () => {
    node = await startContainerd(await labPrograms());
    const references = Object.keys(spellings);
    tiny = await makeTinyPayload({
      editSpec: (spec) => {
        const images = spec['images'] as object[];
        images.push(...references.map((reference) => ({ reference, ociLayout: 'names' })));
        (spec['archives'] as Record<string, string[]>)['docker-images.tar.gz']!.push(...references);
      },
      editFiles: (folder) =>
        writeOciLayout(join(folder, 'names'), [
          ...references.filter((reference) => !reference.includes('@')).map(imageOf),
          pinned,
          both,
        ]),
    });
  });
  after(async () => {
    await node.stop();
    tiny.remove();
  });

  const asKubelet = async (reference: string): Promise<string> => {
    const endpoint = `unix://${node.socket}`;
    const words = [`--runtime-endpoint=${endpoint}`, `--image-endpoint=${endpoint}`];
    const { stdout } = await node.runner.run([
      node.k3s,
      'crictl',
      ...words,
      'inspecti',
      '-o',
      'json',
      reference,
    ]);
    return (JSON.parse(stdout) as { status: { id: string } }).status.id;
  };

  it('are those under which kubelet finds them, in any spelling', async () => {
    const payload = await openPayload(tiny.path);
    try {
      const [index, product] = [await payload.index(), await payload.product()];
      const wanted = wantedImages(index, product, []);
      const plan = () =>
        planImages({
          containerd: node.containerd,
          wanted,
          index,
          from: 'payload',
          folder: tiny.folder,
          command: './tiny',
        });
      const settings = {
        containerd: node.containerd,
        payload,
        product: 'tiny',
        version: '2026.1',
        keepVersions: [],
      };
      const { loaded } = await loadImages(await plan(), settings);
      assert.equal(loaded.length, 2 + Object.keys(spellings).length);
      for (const [reference, others] of Object.entries(spellings)) {
        const { config } = index.images.find((image) => image.reference === normalizedReference(reference))!;
        for (const spelling of [reference, ...others])
          assert.equal(await asKubelet(spelling), config.digest, spelling);
      }
      assert.deepEqual(await unpinnedOf(node.containerd, wanted), []);
      assert.deepEqual([...new Set((await plan()).images.map(({ action }) => action))], ['none']);
      const core = index.images.filter(({ reference }) => !reference.includes('/alpha:'));
      const compared = compareWithRuntime(core, await node.containerd.runtimeImages());
      assert.deepEqual([...new Set(compared.map(({ state }) => state))], ['same']);
    } finally {
      await payload.close();
    }
  });

  it('are taken by ctr exactly when they are taken here', async () => {
    const [{ name: from } = { name: '' }] = await node.containerd.names();
    const hex = 'a0'.repeat(32);
    const texts = [
      'a:1',
      'r.example:5000/a',
      '[2001:db8::1]:5000/a:1',
      'REGISTRY/a:1',
      `a@sha256:${hex}`,
      'a---b:1',
      'a__b:1',
      'A:1',
      'r.example/A:1',
      'a:',
      'a:.1',
      `a:${'t'.repeat(129)}`,
      `r.example/${'a'.repeat(256)}:1`,
      'r.example//a:1',
      'a___b:1',
      'a..b:1',
      'r_x.example/a:1',
      'https://r.example/a:1',
      `a@sha256:${hex}0`,
      `a@md5:${'a'.repeat(32)}`,
      'a b:1',
      ' a:1',
      `a@sha256:${hex.toUpperCase()}`,
      `r.example/${'a'.repeat(255)}:1`,
    ];
    for (const text of texts) {
      const taken = await node.ctr('images', 'tag', '--force', from, text).then(
        () => true,
        () => false,
      );
      const ours = await Promise.resolve()
        .then(() => parseReference(text))
        .then(
          () => true,
          () => false,
        );
      assert.equal(ours, taken, JSON.stringify(text));
    }
  });
});
