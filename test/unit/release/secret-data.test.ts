import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeData } from '../../../src/release/secret-data.ts';

const metadata = { name: 'one' };
const packed = (text: string) => Buffer.from(text).toString('base64');

test('a Secret and a ConfigMap are read as a pod reads them, whatever a chart has left empty', () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
  const data = { password: packed('pass'), other: null };
  const stringData = { user: 'tiny', password: 'newer' };
  assert.deepEqual(decodeData({ ...secret, data }), { password: 'pass' });
  assert.deepEqual(decodeData({ ...secret, data, stringData }), { user: 'tiny', password: 'newer' });
  assert.deepEqual(decodeData({ ...secret, data: null, stringData }), stringData);
  assert.deepEqual(decodeData(secret), {});
  const config = { ...secret, kind: 'ConfigMap', data: { level: 'info' }, binaryData: { blob: packed('b') } };
  assert.deepEqual(decodeData(config), { level: 'info', blob: 'b' });
});
