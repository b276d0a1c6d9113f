import assert from 'node:assert/strict';
import { test } from 'node:test';
import { highThreshold, judgeImageGc } from '../../../src/checks/image-gc.ts';

const gib = 1024 ** 3;

test('the image file system is judged as kubelet does, the images that are still to come included', () => {
  const room = (free: number) => ({ mountPoint: '/var', freeBytes: free * gib, totalBytes: 100 * gib });
  assert.equal(judgeImageGc(85, room(20), 0).outcome, 'ok');
  assert.equal(judgeImageGc(85, room(20), 6 * gib).outcome, 'fail');
  assert.equal(judgeImageGc(85, room(15), 0).outcome, 'fail');
  assert.equal(highThreshold('{"kubeletconfig":{"imageGCHighThresholdPercent":70}}'), 70);
  for (const text of ['', '{}', 'no JSON']) assert.equal(highThreshold(text), 85);
});
