import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Document } from 'yaml';
import { asHelmReads, decodeValues, readAsHelm } from '../../../src/release/values-yaml.ts';
import { asTold } from '../../fixtures/as-told.ts';

const root = (text: string) => {
  const read = readAsHelm(text);
  assert.ok('root' in read, JSON.stringify(read));
  return read.root;
};
const faults = (text: string) => {
  const read = readAsHelm(text);
  return 'faults' in read ? asTold(read.faults).map(({ line, what }) => `${line}: ${what}`) : [];
};

test('merge keys, names of booleans, and 120 uses of one anchor are read as Helm reads them', () => {
  assert.deepEqual(root('b: &b {x: 1}\na:\n  <<: *b\n  on_call: yes\n  z: off\n').a as object, {
    x: 1,
    on_call: true,
    z: false,
  });
  const uses = Array.from({ length: 120 }, (_, at) => `k${at}: *x`).join('\n');
  assert.equal(root(`x: &x q\n${uses}\n`)['k119'], 'q');
});

test('what is refused has its line and a plain message', () => {
  assert.deepEqual(faults('a: 1\nb: .inf\n'), ['2: .inf is not a finite number']);
  assert.deepEqual(faults('a: 1\n---\nb: 1\n'), [
    '2: a second document starts (---); put everything into one',
  ]);
  assert.deepEqual(faults('b: &b {x: 1}\na:\n  x: 2\n  <<: *b\n'), [
    '4: << would override x above it; put << first',
  ]);
  assert.deepEqual(faults('a: 1\nb: *c\n'), ['2: *c has no anchor above it']);
  assert.deepEqual(faults('a: &a\n  b: *a\n'), ['2: *a contains itself']);
  assert.deepEqual(faults('a: 1\nb: \u0001\n'), ['2: a control character']);
});

test('bytes that are not UTF-8 are reported by their line', () => {
  assert.deepEqual(decodeValues(Buffer.from('a: 1\nb: \xe4\n', 'latin1')), {
    faults: [{ line: 2, what: 'bytes that are not UTF-8' }],
  });
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a: 1', 'utf16le')]);
  assert.match(JSON.stringify(decodeValues(utf16)), /"line":1,"what":"UTF-16; Helm reads UTF-8 only"/);
});

test('a text that Helm would read as something else is quoted where we write it', () => {
  const values = {
    a: 'yes',
    b: 'off',
    c: '010',
    d: '0o10',
    e: 'true',
    f: '1_000',
    g: '~',
    h: '2026-11-27',
    i: '1:30',
  };
  const text = new Document(values, asHelmReads).toString();
  assert.deepEqual(root(text), values);
  assert.doesNotMatch(text, /^%/m);
});
