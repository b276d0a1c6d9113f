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

test('on a terminal sentences are wrapped between words, and what is copied stays in one line', () => {
  const command = `sudo ./ivaap install --upgrade --waive ${'x'.repeat(40)}`;
  const error = new IvaapError('preflight', '2 of 30 checks failed, nothing was changed: objects, schedule', {
    cause: new Error('Deployment/adminserver, Deployment/connector-witsml: the node is cordoned'),
    output: `Error: ${'y'.repeat(60)}`,
    hint: command,
  });
  assert.deepEqual(errorLines(describeError(error), 40), [
    'error: 2 of 30 checks failed, nothing',
    '  was changed: objects, schedule',
    '  caused by: Deployment/adminserver,',
    '    Deployment/connector-witsml: the',
    '    node is cordoned',
    '  last output:',
    `    Error: ${'y'.repeat(60)}`,
    `try: ${command}`,
  ]);
});

test('of a long line that a program printed its start and its end are shown, with how much is left out', () => {
  const said = `Error: ${'🜚'.repeat(3000)} the cause`;
  const error = new IvaapError('failed', 'a', { output: `${said}\n${'x'.repeat(1000)}` });
  const shown = [
    `Error: ${'🜚'.repeat(593)} … 2017 characters left out … ${'🜚'.repeat(390)} the cause`,
    'x'.repeat(1000),
  ];
  assert.deepEqual(errorLines(describeError(error)), [
    'error: a',
    '  last output:',
    ...shown.map((line) => `    ${line}`),
  ]);
  assert.ok(error.output?.includes(said), 'what is judged is whole');
});

test('a command that fits on a line is not broken behind `try:`', () => {
  const hint = 'sudo /opt/v1/ivaap install --upgrade';
  const lines = (columns: number) =>
    errorLines(describeError(new IvaapError('failed', 'no', { hint })), columns).slice(1);
  assert.deepEqual(lines(hint.length + 5), [`try: ${hint}`]);
  assert.deepEqual(lines(hint.length + 4), ['try:', hint]);
  assert.deepEqual(lines(hint.length - 1), [`try: ${hint}`]);
});
