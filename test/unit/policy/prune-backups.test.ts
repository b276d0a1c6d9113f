import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prunable, type PrunableBackup } from '../../../src/policy/prune-backups.ts';

const now = new Date('2026-11-28T00:00:00Z');
const limits = { keepCount: 2, keepDays: 30 };
const at = (days: number) => new Date(now.getTime() - days * 86_400_000).toISOString();
const backup = (days: number, other: Partial<PrunableBackup> = {}): PrunableBackup => ({
  takenAt: at(days),
  ours: true,
  anchor: false,
  whole: true,
  verified: true,
  ...other,
});
const removed = (backups: PrunableBackup[]) =>
  prunable(backups, limits, now).remove.map((one) => backups.indexOf(one));

test('what is neither among the newest nor young goes', () => {
  assert.deepEqual(removed([backup(90), backup(80), backup(70), backup(10)]), [1, 0]);
  assert.deepEqual(removed([backup(20), backup(10), backup(5), backup(1)]), []);
});

test('an anchor, a dump of a run and what is not proved ours stay', () => {
  const old = [backup(90, { anchor: true }), backup(90, { ours: false }), backup(10)];
  assert.deepEqual(removed([...old, backup(1)]), []);
});

test('the only one stays, however old it is', () => {
  assert.deepEqual(removed([backup(900)]), []);
  assert.deepEqual(removed([]), []);
});

test('nothing goes while the newest whole one was never restored', () => {
  const backups = [backup(90), backup(80), backup(70), backup(1, { verified: false })];
  const { remove, unverified } = prunable(backups, limits, now);
  assert.deepEqual(remove, []);
  assert.equal(unverified, backups[3]);
  const anchor = [backup(90), backup(80), backup(70), backup(1, { anchor: true, verified: false })];
  assert.equal(prunable(anchor, limits, now).unverified, anchor[3]);
});

test('one that is damaged keeps no place for itself, and none of the whole ones goes for it', () => {
  const backups = [backup(90), backup(80), backup(2, { whole: false }), backup(1, { whole: false })];
  assert.deepEqual(removed(backups), []);
  assert.deepEqual(removed([backup(99), ...backups]), [0]);
  assert.deepEqual(removed([backup(99, { whole: false }), ...backups]), [0]);
});
