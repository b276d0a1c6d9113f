import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { Cleaner } from '../../../src/support/clean.ts';
import type { Collected } from '../../../src/support/collector.ts';
import { learnAll } from '../../../src/support/learn-all.ts';

const part = (id: string, text: string, missing?: string): Collected => ({
  id,
  title: id,
  tookMs: 1,
  documents: [{ name: `${id}.txt`, text }],
  ...(missing === undefined ? {} : { missing }),
});
const { signal } = new AbortController();

test('what one document tells is known for all, also what a reason tells', async () => {
  const cleaner = new Cleaner();
  const parts = [part('a', 'password=tiefgang7'), part('b', 'x', 'token=nordlicht9')];
  assert.deepEqual(await learnAll(cleaner, parts, { untilMs: Infinity, signal }), parts);
  assert.equal(cleaner.text('tiefgang7 nordlicht9'), '[redacted] [redacted]');
});

test('a document that was not searched does not leave the host, and is named', async () => {
  const parts = [part('a', 'text'), part('b', 'text', 'no answer')];
  const kept = await learnAll(new Cleaner(), parts, { untilMs: performance.now() - 1, signal });
  assert.deepEqual(
    kept.map(({ documents, missing }) => [documents, missing]),
    [
      [[], 'no time was left to search a.txt for secrets'],
      [[], 'no answer; no time was left to search b.txt for secrets'],
    ],
  );
});

test('a stop ends it between two documents', async () => {
  const stopped = AbortSignal.abort(new IvaapError('interrupted', 'stopped'));
  const parts = [part('a', 'text')];
  await assert.rejects(learnAll(new Cleaner(), parts, { untilMs: Infinity, signal: stopped }), /stopped/);
});
