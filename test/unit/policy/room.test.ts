import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRoom, type MeasuredRoom, type RoomNeed } from '../../../src/policy/room.ts';

const gib = 1024 ** 3;
const floors: RoomNeed[] = [
  { path: '/product', bytes: 10 * gib, why: 'dump and snapshot' },
  { path: '/data/containers', bytes: 20 * gib, why: 'images' },
];
const apart = (product: number, data: number): MeasuredRoom[] => [
  { path: '/product', fileSystem: '8:1', mountPoint: '/', freeBytes: product * gib },
  { path: '/data/containers', fileSystem: '8:2', mountPoint: '/data', freeBytes: data * gib },
];
const together = (free: number): MeasuredRoom[] =>
  floors.map(({ path }) => ({ path, fileSystem: '8:1', mountPoint: '/', freeBytes: free * gib }));
const failed = (rooms: MeasuredRoom[], missing: RoomNeed[] = []) =>
  judgeRoom(floors, missing, rooms)
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ part }) => part);

test('room that just meets each limit is enough, and every file system that misses its own is named', () => {
  assert.deepEqual(failed(apart(10, 20)), []);
  assert.deepEqual(failed(apart(9.9, 20)), ['/']);
  assert.deepEqual(failed(apart(10, 19.9)), ['/data']);
  assert.deepEqual(failed(apart(1, 1)), ['/', '/data']);
});

test('limits of paths on one file system are added up, and said with their reasons', () => {
  assert.deepEqual(failed(together(29)), ['/']);
  assert.deepEqual(failed(together(30)), []);
  const [room] = judgeRoom(floors, [], together(29));
  assert.equal(room?.measured, '29.0 GiB free on /');
  assert.match(room?.limit ?? '', /30\.0 GiB needed: .*dump and snapshot.*images/);
  assert.match(room?.fix ?? '', /df -h \//);
});

test('what is really missing counts where it is more than the limit, and alone where there is no limit', () => {
  const dump = (size: number): RoomNeed[] => [{ path: '/product', bytes: size * gib, why: 'dump' }];
  assert.deepEqual(failed(apart(10, 20), dump(9)), []);
  assert.deepEqual(failed(apart(10, 20), dump(11)), ['/']);
  const [room] = judgeRoom([], dump(11), apart(10, 20));
  assert.equal(room?.outcome, 'fail');
  assert.match(room?.limit ?? '', /^11\.0 GiB needed: 11\.0 GiB in \/product \(dump\)$/);
});

test('a path that could not be measured fails', () => {
  assert.deepEqual(failed(apart(0, 100).slice(1)), ['/product']);
});

test('a file system without inodes is reported as such, with df -i', () => {
  const room = { path: '/p', fileSystem: '8:1', mountPoint: '/p', freeBytes: 10, freeFiles: 199 };
  const missing = [{ path: '/p', bytes: 1, files: 200, why: 'chart' }];
  const [found] = judgeRoom([], missing, [room]);
  assert.deepEqual(
    [found?.outcome, found?.measured],
    ['fail', '199 inodes free on /p, regardless of free space'],
  );
  assert.match(found?.fix ?? '', /^df -i \/p;/);
  for (const freeFiles of [200, undefined]) {
    assert.equal(judgeRoom([], missing, [{ ...room, freeFiles }])[0]?.outcome, 'ok');
  }
  // Without room either: room is said.
  assert.match(judgeRoom([], missing, [{ ...room, freeBytes: 0 }])[0]?.measured ?? '', /^0 B free/);
});
