import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodState } from '../../../src/host/pods.ts';
import { imageThatRuns, runningImages, stateInCluster } from '../../../src/images/compare-cluster.ts';
import type { IndexImage } from '../../../src/payload/format/index-schema.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const image = (reference: string, id: string, manifest: string): IndexImage => ({
  reference,
  platform: { os: 'linux', architecture: 'amd64' },
  manifest: { digest: digest(manifest), size: 1, mediaType: 'm' },
  config: { digest: digest(id), size: 1 },
  layers: [],
});
const running = (reference: string, imageId: string) =>
  runningImages([{ name: 'p', containers: [{ image: reference, imageId }] } as unknown as PodState]);

test('what kubelet reports of a container may be its ID, its manifest, or the digest of a name', () => {
  const byTag = image('r.example/a:1', '1', '2');
  const byIndex = image(`r.example/b@${digest('3')}`, '4', '5');
  const images = [byTag, byIndex];
  const rows: [string, string, IndexImage | undefined][] = [
    ['r.example/a:1', digest('1'), byTag],
    ['r.example/a:1', digest('2'), byTag],
    ['sha256:5', digest('4'), byIndex],
    // containerd tells the digest of the name that it found: of an index, that is the index's.
    ['r.example/b:9', digest('3'), byIndex],
    ['r.example/b:9', digest('5'), byIndex],
    ['r.example/b:9', digest('9'), undefined],
    ['r.example/a:1', '', undefined],
  ];
  for (const [reference, imageId, found] of rows) {
    assert.equal(imageThatRuns(images, imageId), found, `${reference} ${imageId}`);
    for (const one of images) {
      const other = one.reference.startsWith(reference.slice(0, 11)) ? 'other' : 'none';
      assert.equal(stateInCluster(one, running(reference, imageId), images), one === found ? 'runs' : other);
    }
  }
});

test('a name by digest that another image of the release has as well tells both', () => {
  const [one, two] = [image('r.example/a:1', '1', '2'), image(`r.example/c@${digest('7')}`, '1', '2')];
  // Of several names of one image containerd tells any digest.
  for (const each of [one, two])
    for (const told of ['1', '2', '7'])
      assert.equal(stateInCluster(each, running('x', digest(told)), [one, two]), 'runs', told);
});
