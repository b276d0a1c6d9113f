import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { signalEffects } from '../../../src/host/signals.ts';

test('every signal that has a name has an effect that somebody decided', () => {
  const named = Object.keys(constants.signals).sort();
  assert.deepEqual(Object.keys(signalEffects).sort(), named);
});

test('docs/trust.md says of every signal what the table says', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/trust.md'), 'utf8');
  const rows = new Map(
    [...page.matchAll(/^\| (SIG[\w, ]+?) +\| (\w+) +\|/gm)].flatMap(([, names = '', effect = '']) =>
      names.split(', ').map((name) => [name, effect] as const),
    ),
  );
  const decided = Object.entries(signalEffects).map(([name, { effect }]) => [name, effect] as const);
  assert.deepEqual([...rows].sort(), decided.sort());
});
