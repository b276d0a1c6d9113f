import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { collectOne } from '../../../src/support/collect.ts';
import type { Collector, SupportContext } from '../../../src/support/collector.ts';

const none = {} as Omit<SupportContext, 'add' | 'signal'>;
const collector = (collect: Collector['collect'], timeoutMs = 5000): Collector => ({
  id: 'one',
  title: 'One',
  timeoutMs,
  collect,
});
const never = () => new AbortController().signal;

test('what a collector has added stays when its time is over, and nothing comes after that', async () => {
  let late: SupportContext | undefined;
  const hanging = collector((ctx) => {
    late = ctx;
    ctx.add('first', 'text');
    return new Promise<never>(() => {});
  }, 50);
  const { documents, missing, tookMs } = await collectOne(hanging, none, never());
  assert.deepEqual(documents, [{ name: 'first', text: 'text' }]);
  assert.equal(missing, 'no answer within 0.05 s');
  assert.ok(tookMs >= 45 && tookMs < 4000, String(tookMs));
  assert.equal(late!.signal.aborted, true);
  late!.add('second', 'text');
  assert.equal(documents.length, 1);
});

test('a failure is what is missing, with its causes', async () => {
  const cause = new Error('EACCES');
  const failing = collector(() => Promise.reject(new IvaapError('failed', 'not read', { cause })));
  assert.match((await collectOne(failing, none, never())).missing!, /^not read: .*EACCES/);
});

test('a file that is not there is said in words', async () => {
  const { missing } = await collectOne(
    collector(async () => void (await readdir('/nowhere/logs'))),
    none,
    never(),
  );
  assert.equal(missing, 'there is no /nowhere/logs');
});

test('a stop ends it at once', async () => {
  const stop = new AbortController();
  const hanging = collector(
    () => new Promise<never>(() => stop.abort(new IvaapError('interrupted', 'stopped'))),
  );
  assert.equal((await collectOne(hanging, none, stop.signal)).missing, 'stopped');
});

test('a long document keeps its end, a collector has its share, and no name leaves its folder', async () => {
  const mib = 1024 * 1024;
  const chatty = collector(async (ctx) => {
    ctx.add('../../x y/z', `${'a'.repeat(2 * mib)}end`);
    for (let at = 0; at < 9; at += 1) ctx.add(`more-${at}`, 'b'.repeat(mib));
  });
  const { documents } = await collectOne(chatty, none, never());
  assert.match(documents[0]!.text, /^\[the first 1048579 characters are left out\]\na+end$/);
  assert.equal(documents[0]!.name, '.._.._x_y_z');
  const total = documents.reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(total < 4.1 * mib, String(total));
});

test('a long document starts with a whole line: half of a secret would be known to nobody', async () => {
  const secret = 'a-secret-of-this-host';
  const lines = `password ${secret}\n${'b'.repeat(1024 * 1024 - secret.length)}\nend`;
  const { documents } = await collectOne(
    collector(async (ctx) => ctx.add('log', lines)),
    none,
    never(),
  );
  assert.match(documents[0]!.text, /^\[the first \d+ characters are left out\]\nb+\nend$/);
});
