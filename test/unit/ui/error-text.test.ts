import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { errorLines } from '../../../src/ui/error-text.ts';

test('the way back has its own heading, below what the program said last', () => {
  const error = new IvaapError('schema_moved', 'the upgrade failed', {
    output: 'Error: UPGRADE FAILED\nsecond line',
    wayBack: ['Dump from before: /b/x.sql', '  sudo sh /b/restore.sh'],
    hint: 'fix it',
  });
  assert.deepEqual(errorLines(describeError(error)), [
    'error: the upgrade failed',
    '  last output:',
    '    Error: UPGRADE FAILED',
    '    second line',
    '  the way back:',
    '    Dump from before: /b/x.sql',
    '      sudo sh /b/restore.sh',
    'try: fix it',
  ]);
});

test('a program that said nothing has no heading of its output above the way back', () => {
  const error = new IvaapError('failed', 'a', { output: '', wayBack: ['There is no dump.'] });
  assert.deepEqual(errorLines(describeError(error)), [
    'error: a',
    '  the way back:',
    '    There is no dump.',
  ]);
});
