import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasuredHost, RequirementLimits } from '../../../src/policy/requirements.ts';
import { checkRequirements } from '../../../src/policy/requirements.ts';

const gib = 1024 ** 3;
const limits: RequirementLimits = {
  cpus: 4,
  memoryBytes: 8 * gib,
  room: [
    { path: '/product', freeBytes: 10 * gib, why: 'dump and snapshot' },
    { path: '/data/containers', freeBytes: 20 * gib, why: 'images' },
  ],
};
const host = (freeProduct: number, freeData: number, change: Partial<MeasuredHost> = {}): MeasuredHost => ({
  cpus: 4,
  memoryBytes: 8 * gib,
  room: [
    { path: '/product', fileSystem: '8:1', mountPoint: '/', freeBytes: freeProduct * gib },
    { path: '/data/containers', fileSystem: '8:2', mountPoint: '/data', freeBytes: freeData * gib },
  ],
  ...change,
});
const failed = (measured: MeasuredHost) =>
  checkRequirements(limits, measured)
    .filter(({ ok }) => !ok)
    .map(({ id }) => id);

test('a host that just meets each limit is accepted, one that misses any is not, and all are reported', () => {
  assert.deepEqual(failed(host(10, 20)), []);
  assert.deepEqual(failed(host(9.9, 20)), ['room:/']);
  assert.deepEqual(failed(host(10, 19.9)), ['room:/data']);
  assert.deepEqual(failed(host(1, 1, { cpus: 3, memoryBytes: 8 * gib - 1 })), [
    'cpus',
    'memory',
    'room:/',
    'room:/data',
  ]);
});

test('room of paths on one file system is added up', () => {
  const one = (free: number) =>
    host(0, 0, {
      room: limits.room.map(({ path }) => ({
        path,
        fileSystem: '8:1',
        mountPoint: '/',
        freeBytes: free * gib,
      })),
    });
  assert.deepEqual(failed(one(29)), ['room:/']);
  assert.deepEqual(failed(one(30)), []);
  const [room] = checkRequirements(limits, one(29)).filter(({ ok }) => !ok);
  assert.equal(room?.limit, 30 * gib);
  assert.match(room.summary, /29\.0 GiB free on \/, 30\.0 GiB needed.*dump and snapshot.*images/);
  assert.match(room.fix ?? '', /df -h \//);
});

test('a path that could not be measured fails its check', () => {
  const blind = host(0, 100, { room: host(0, 100).room.slice(1) });
  assert.deepEqual(failed(blind), ['room:/product']);
});
