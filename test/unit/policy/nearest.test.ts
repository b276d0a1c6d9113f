import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestNames } from '../../../src/policy/nearest.ts';

const names = ['core-images.tar.gz', 'connectors/alpha.tar.gz', 'connectors/beta.tar.gz', 'chart/Chart.yaml'];

test('a slip of the finger finds the name', () => {
  assert.deepEqual(nearestNames('core-image.tar.gz', names), ['core-images.tar.gz']);
});

test('a name without its folder finds it', () => {
  assert.equal(nearestNames('alpha.tar.gz', names)[0], 'connectors/alpha.tar.gz');
});

test('a part of a name finds all that hold it', () => {
  assert.deepEqual(nearestNames('connectors', names).sort(), [
    'connectors/alpha.tar.gz',
    'connectors/beta.tar.gz',
  ]);
});

test('case does not matter', () => {
  assert.equal(nearestNames('CHART.YAML', names)[0], 'chart/Chart.yaml');
});

test('nothing like it gives nothing', () => {
  assert.deepEqual(nearestNames('zzzzzzzzzzzz', names), []);
});
