import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from '../../fixtures/measured.ts';
import type { CheckContext } from '../../../src/checks/context.ts';
import type { HostFacts } from '../../../src/checks/facts.ts';
import { highThreshold, imageGc, judgeImageGc } from '../../../src/checks/image-gc.ts';

const gib = 1024 ** 3;

test('the image file system is judged as kubelet does, the images that are still to come included', () => {
  const room = (free: number) => ({ mountPoint: '/var', freeBytes: free * gib, totalBytes: 100 * gib });
  assert.equal(judgeImageGc(85, room(20), 0).outcome, 'ok');
  assert.equal(judgeImageGc(85, room(20), 6 * gib).outcome, 'fail');
  assert.equal(judgeImageGc(85, room(15), 0).outcome, 'fail');
  assert.equal(highThreshold('{"kubeletconfig":{"imageGCHighThresholdPercent":70}}'), 70);
});

const configz = (percent: unknown) =>
  JSON.stringify({ kubeletconfig: { imageGCHighThresholdPercent: percent } });
const unclear = ['', '{}', 'null', '[]', 'no JSON', configz(85).slice(0, -3), '{"kubeletconfig":null}'];

test('a threshold that kubelet’s answer does not name is not known: no default replaces it', async () => {
  for (const text of [...unclear, configz('85'), configz(null), configz(850), configz(-1)]) {
    assert.equal(highThreshold(text), undefined, text);
    const found = await measured(
      imageGc,
      { kubectl: { run: async () => ({ stdout: text }) } as unknown as CheckContext['kubectl'] },
      {
        cluster: async () => ({ nodes: [{ metadata: { name: 'n1' } }] }),
        missingImages: async () => ({ missingBytes: 0, unpackedBytes: 0 }),
        imageStore: async () => '/',
      } as unknown as HostFacts,
    );
    assert.equal(found.outcome, 'fail');
    assert.match(found.measured, /^not known: .*imageGCHighThresholdPercent/);
    assert.equal(found.fix, 'k3s kubectl get --raw /api/v1/nodes/n1/proxy/configz');
  }
});
