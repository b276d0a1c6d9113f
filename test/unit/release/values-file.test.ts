import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { IvaapError } from '../../../src/errors.ts';
import { parseValues, readValuesFile } from '../../../src/release/values-file.ts';

function refusal(text: string): IvaapError {
  try {
    parseValues('/srv/values.yaml', text);
  } catch (error) {
    assert.ok(error instanceof IvaapError);
    assert.equal(error.code, 'preflight');
    assert.match(error.hint ?? '', /\$\{EDITOR:-vi\} \/srv\/values.yaml/);
    return error;
  }
  throw new Error('was taken as valid');
}

test('duplicate keys are refused with the line and the key of each', () => {
  const message = asTold(refusal('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n').message);
  assert.match(message, /duplicate keys/);
  assert.match(message, /line 4: duplicate key "c"/);
  assert.match(message, /line 5: duplicate key "a"/);
});

test('text that is not YAML is refused with its line', () => {
  assert.match(refusal('a: 1\nb: [1, 2\n').message, /not valid YAML: line \d/);
});

test('a list is no values file; an empty file has no values, as Helm has it', () => {
  assert.match(refusal('- a\n').message, /not a mapping/);
  assert.deepEqual(parseValues('/v', '# nothing\n').root, {});
});

test('a file that is nested without end is refused by its name, however it is nested', () => {
  const flows = [
    ['[', ']'],
    ['{a: ', '}'],
  ] as const;
  for (const [open, close] of flows) {
    for (const levels of [450, 3000, 10_000, 30_000]) {
      const text = `a: ${open.repeat(levels)}${close.repeat(levels)}\n`;
      assert.equal(
        refusal(text).message,
        'the values file /srv/values.yaml is nested deeper than 400 levels',
      );
    }
  }
  const lists = `a:\n${'- '.repeat(20_000)}x\n`;
  assert.match(refusal(lists).message, /nested deeper than 400 levels/);
  const blocks = Array.from({ length: 1500 }, (_, level) => `${' '.repeat(level)}k:`).join('\n');
  assert.match(refusal(blocks).message, /nested deeper than 400 levels/);
});

test('a file that is nested as deep as none is in practice is read', () => {
  const deep = `a: ${'['.repeat(350)}${']'.repeat(350)}\n`;
  assert.ok(Array.isArray(parseValues('/v', deep).root['a']));
  // Uses of an anchor are measured once, not once for each way to them.
  const wide = Array.from({ length: 8 }, (_, at) => `k${at + 1}: &a${at + 1} [*a${at}, *a${at}]`).join('\n');
  assert.ok('k8' in parseValues('/v', `k0: &a0 [x]\n${wide}\n`).root);
});

test('a missing file is named as missing', async () => {
  await assert.rejects(readValuesFile('/nonexistent/values.yaml', './ivaap'), {
    code: 'preflight',
    message: 'the values file /nonexistent/values.yaml is missing',
  });
});

test('the hash is of the bytes: a comment is a change', () => {
  const one = parseValues('/v', 'a: 1\n');
  assert.deepEqual(one.root, { a: 1 });
  assert.notEqual(one.sha256, parseValues('/v', 'a: 1 # why\n').sha256);
});
