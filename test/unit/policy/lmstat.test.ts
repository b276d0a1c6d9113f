import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLmstat } from '../../../src/policy/lmstat.ts';
import { lmstatForms, type LmstatForm } from '../../fixtures/lmstat-output.ts';

const never = { known: true, value: null } as const;
const until = (value: string) => ({ known: true, value }) as const;
const granted = (issued: number | undefined, inUse: number | undefined, more: object = {}) => ({
  state: 'granted',
  issued,
  inUse,
  version: undefined,
  expires: undefined,
  ...more,
});

const read: Record<LmstatForm, [server: string, feature: object]> = {
  'some are in use': ['up', granted(10, 3, { version: '2026.1', expires: until('2030-10-30') })],
  'the one there is is in use': ['up', granted(1, 1, { version: '2026.1', expires: never })],
  'the short form': ['up', granted(50, 12, { version: '2026.1', expires: never })],
  uncounted: ['up', granted(undefined, undefined)],
  expired: ['up', granted(10, 0, { version: '2026.1', expires: until('2020-10-30') })],
  'an old version': ['up', granted(10, 0, { version: '1.0', expires: until('2030-10-30') })],
  'none issued': ['up', { state: 'denied' }],
  unsupported: ['up', { state: 'denied' }],
  'no such feature': ['up', { state: 'denied' }],
  'cannot connect': ['down', { state: 'unknown' }],
  'no status': ['down', { state: 'unknown' }],
  'the manager is down': ['down', { state: 'unknown' }],
  'the manager is not read': ['down', { state: 'unknown' }],
  'the daemon is down': ['down', { state: 'unknown' }],
  'a triad with one down': ['up', granted(2, 0)],
  'of another feature': ['up', { state: 'unknown' }],
  'cut before its end': ['up', { state: 'unknown' }],
  nothing: ['unknown', { state: 'unknown' }],
};

for (const [name, [server, feature]] of Object.entries(read)) {
  test(`lmstat: ${name}`, () => {
    for (const end of ['\n', '\r\n']) {
      const answer = readLmstat(lmstatForms[name as LmstatForm]('WITSML').replaceAll('\n', end), 'WITSML');
      assert.equal(answer.server, server);
      const { why, ...rest } = { why: undefined, ...answer.feature } as Record<string, unknown>;
      assert.deepEqual(rest, feature);
      assert.equal(typeof why, rest['state'] === 'granted' ? 'undefined' : 'string');
    }
  });
}

test('a feature whose name begins as another one does is another feature', () => {
  const output = lmstatForms['some are in use']('WITSML_PLUS');
  assert.equal(readLmstat(output, 'WITSML').feature.state, 'unknown');
});
