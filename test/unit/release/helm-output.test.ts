import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saysLess } from '../../../src/release/helm-output.ts';
import type { Trouble } from '../../../src/release/troubles.ts';

const failed =
  'Error: UPGRADE FAILED: release tiny failed, and has been ' +
  'rolled back due to rollback-on-failure being set: ';
const late = (name: string) =>
  `resource Deployment/tiny/${name} not ready. status: Failed, message: Progress deadline exceeded`;
const known = [{ kind: 'image' }] as Trouble[];

test('that workloads are not ready, one or several, says less than why they are not', () => {
  assert.equal(saysLess(`${failed}${late('backend')}`, false, known), true);
  assert.equal(saysLess(`${failed}${late('backend')}\n${late('dashboard')}\n`, false, known), true);
  assert.equal(saysLess(`${failed}${late('backend')}`, false, []), false, 'nothing else is known');
  const notBack = `Error: UPGRADE FAILED: ${late('backend')}\nrollback: timed out`;
  assert.equal(saysLess(notBack, false, known), false, 'that it could not go back is told');
});
