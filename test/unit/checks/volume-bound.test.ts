import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from '../../fixtures/measured.ts';
import { volumeBound } from '../../../src/checks/volume-bound.ts';
import type { Claim } from '../../../src/release/cluster-objects.ts';

test('a claim that is not bound or not there fails', async () => {
  const claim = (name: string, phase: string): Claim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    status: { phase },
  });
  const product = { namespace: 'wells', database: { volume: { claim: 'data' } } };
  const found = (name: string, phase: string) =>
    measured(volumeBound, { product }, { cluster: async () => ({ claims: [claim(name, phase)] }) });
  assert.equal((await found('data', 'Bound')).outcome, 'ok');
  assert.match((await found('data', 'Lost')).measured, /data is Lost/);
  assert.match((await found('other', 'Bound')).measured, /data is missing/);
});
