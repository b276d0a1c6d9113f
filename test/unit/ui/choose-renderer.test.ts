import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRenderer } from '../../../src/ui/choose-renderer.ts';
import { guardedOutput } from '../../../src/ui/output.ts';
import { completed, ManualClock, Screen, started, TextOutput } from './fake-output.ts';

/** Which renderer it is, by what it writes. */
function chosen(output: Screen | TextOutput, env: Record<string, string>, json = false): string {
  const renderer = chooseRenderer(output, { json, env, clock: new ManualClock() });
  renderer.handle(started('a'));
  renderer.handle(completed('a'));
  renderer.close();
  const text = output instanceof Screen ? output.raw : output.text;
  if (text.startsWith('{')) return 'json';
  if (text.startsWith('2026-')) return 'plain';
  return `live${/\u{1B}\[\d+m/u.test(text) ? ' colored' : ''}${text.includes('✔') ? ' unicode' : ''}`;
}

test('live on a terminal that can redraw, plain elsewhere, JSON when asked for', () => {
  const env = { TERM: 'xterm-256color', LANG: 'en_US.UTF-8' };
  assert.equal(chosen(new Screen(80), env), 'live colored unicode');
  assert.equal(chosen(new Screen(80), { ...env, NO_COLOR: '1' }), 'live unicode');
  assert.equal(chosen(new Screen(80), { ...env, NO_COLOR: '' }), 'live colored unicode');
  assert.equal(chosen(new Screen(80), { ...env, LC_ALL: 'C' }), 'live colored');
  assert.equal(chosen(new Screen(80), { ...env, TERM: 'dumb' }), 'plain');
  assert.equal(chosen(new Screen(80), { LANG: 'C' }), 'plain');
  assert.equal(chosen(new Screen(15), env), 'plain');
  assert.equal(chosen(new TextOutput(), env), 'plain');
  assert.equal(chosen(new Screen(80), env, true), 'json');
});

test('a reader that closes the pipe or a full disk is survived, and nothing more is written', () => {
  let listener: (error: Error) => void = () => undefined;
  let writes = 0;
  const output = guardedOutput({
    write: () => {
      writes += 1;
      if (writes === 2) listener(new Error('EPIPE'));
      return true;
    },
    on: (_, given) => (listener = given),
  });
  for (let count = 0; count < 5; count += 1) output.write('x');
  assert.equal(writes, 2);
  const throws = guardedOutput({
    write: () => {
      writes += 1;
      throw new Error('ENOSPC');
    },
    on: () => undefined,
  });
  throws.write('x');
  throws.write('x');
  assert.equal(writes, 3);
  assert.equal(throws.isTerminal, false);
  assert.equal(throws.columns, 80);
});
