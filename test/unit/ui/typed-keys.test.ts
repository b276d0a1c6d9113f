import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Takes, TypedKeys } from '../../../src/ui/typed-keys.ts';

/** Every piece that a terminal sends, and what a question gets of it. */
function read(takes: Takes, pieces: readonly string[]) {
  const keys = new TypedKeys(takes);
  return pieces.map((piece) => keys.push(Buffer.from(piece)));
}
const keysOf = (takes: Takes, ...pieces: string[]) =>
  read(takes, pieces)
    .map(({ keys }) => keys)
    .join('');

test('text, editing keys and Enter reach a question for text as they are', () => {
  for (const piece of ['a', 'wells.example', '\u007F', '\u001B[D', '\u001B[D\u001B[D', '\u0001', '\t', 'é'])
    assert.equal(keysOf('text', piece), piece);
  assert.equal(keysOf('text', 'wells\r'), 'wells\r');
  assert.equal(keysOf('text', 'wells\n'), 'wells\r');
  assert.equal(keysOf('text', 'wels\u007Fls\r'), 'wels\u007Fls\r');
});

test('keys that edit the line stay keys in one piece with text', () => {
  const [ctrlU, ctrlW, ctrlK, home, end, left] = [
    '\u0015',
    '\u0017',
    '\u000B',
    '\u001B[1~',
    '\u001BOF',
    '\u001B[D',
  ];
  for (const key of [ctrlU, ctrlW, ctrlK, home, end, left, '\b', '\u0001']) {
    assert.equal(keysOf('text', `${key}wells.example\r`), `${key}wells.example\r`);
    assert.equal(keysOf('text', `we${key}${key}lls`), `we${key}${key}lls`);
  }
  // In a marked paste they are text that is refused.
  assert.equal(keysOf('text', `\u001B[200~a${ctrlU}b\u001B[201~`), 'a\uFFFDb');
});

test('what follows an Enter in one piece answers no further question', () => {
  assert.equal(keysOf('text', 'one\ntwo\ny\n'), 'one\r');
  assert.equal(keysOf('keys', '\r\r\r'), '\r');
});

test('control characters between text are shown as one that is refused', () => {
  assert.equal(keysOf('text', 'ab\u0007cd'), 'ab\uFFFDcd');
  assert.equal(keysOf('text', 'ab\u001B[31mcd'), 'ab\uFFFDcd');
  assert.equal(keysOf('text', 'ab\u202Ecd\u0085'), 'ab\uFFFDcd\uFFFD');
});

test('a marked paste is text whatever it holds, also in pieces; line ends at its end are left out', () => {
  assert.equal(keysOf('text', '\u001B[200~a\u0003b\ny\n\n\u001B[201~'), 'a\uFFFDb\uFFFDy');
  assert.equal(keysOf('text', 'x\u001B[20', '0~a\u0004', 'b\n\u001B[20', '1~c'), 'xa\uFFFDbc');
  assert.equal(keysOf('text', '\u001B[200~\u001B[A\u001B[201~\r'), '\uFFFD\r');
});

test('a question with keys takes no text, pasted or typed: only what moves, switches and accepts', () => {
  assert.equal(keysOf('keys', 'yes\n'), '');
  assert.equal(keysOf('keys', 'j'), '');
  assert.equal(keysOf('keys', '\u001B[B\u001B[B'), '\u001B[B\u001B[B');
  assert.equal(keysOf('keys', ' '), ' ');
  assert.equal(keysOf('keys', '\u001B[200~ \n\u001B[201~'), '');
});

test('Ctrl-C and Ctrl-D end a question wherever they come; in a paste they are text, unless it never ends', () => {
  for (const takes of ['text', 'keys'] as const) {
    assert.deepEqual(read(takes, ['ab\u0003cd']), [{ keys: '', ended: 'interrupted' }]);
    assert.deepEqual(read(takes, ['\u0004']), [{ keys: '', ended: 'end of input' }]);
    assert.equal(read(takes, ['\u001B[200~ab', '\u0003'])[1]?.ended, 'interrupted');
  }
});

test('a character whose bytes come in two pieces is one character', () => {
  const keys = new TypedKeys('text');
  const bytes = Buffer.from('ü');
  assert.equal(keys.push(bytes.subarray(0, 1)).keys + keys.push(bytes.subarray(1)).keys, 'ü');
});
