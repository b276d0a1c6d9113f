import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Written } from '../../../build/written.ts';

test('who waits for bytes continues with the last of them, in any order of arrival', async () => {
  const written = new Written();
  const reported: string[] = [];
  const wait = (from: number, to: number) =>
    written.until(from, to).then(() => reported.push(`${from}-${to}`));
  const add = async (from: number, to: number) => {
    written.add(from, to);
    await new Promise(setImmediate);
    return reported.splice(0).join(' ');
  };
  void wait(0, 10);
  void wait(5, 25);
  void wait(30, 40);
  assert.equal(await add(8, 20), '');
  assert.equal(await add(0, 8), '0-10');
  assert.equal(await add(35, 60), '');
  assert.equal(await add(20, 35), '5-25 30-40');
  void wait(2, 60);
  void wait(7, 7);
  void wait(60, 61);
  assert.equal(await add(70, 80), '2-60 7-7');
  assert.equal(await add(60, 70), '60-61');
});
