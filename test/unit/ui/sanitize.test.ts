import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, printableLine } from '../../../src/ui/sanitize.ts';

test('escape sequences of any kind are removed completely, and text stays', () => {
  for (const sequence of [
    '\u{1B}[31m',
    '\u{1B}[2J',
    '\u{1B}[?1049h',
    '\u{1B}[38;5;12m',
    '\u{9B}31m',
    '\u{1B}]0;title\u{7}',
    '\u{1B}]8;;http://x\u{1B}\\',
    '\u{1B}P1$q\u{1B}\\',
    '\u{1B}c',
    '\u{1B}(B',
    '\u{7}',
    '\u{8}',
    '\u{0}',
    '\u{202E}',
    '\u{2066}',
    '\u{61C}',
    '\u{200B}',
    '\u{2028}',
    '\u{FEFF}',
    '\u{E0041}',
    '\u{D800}',
  ]) {
    assert.equal(printable(`a${sequence}b`), 'ab', JSON.stringify(sequence));
  }
});

test('a sequence that is cut off leaves nothing that a terminal could complete', () => {
  for (const text of ['a\u{1B}', 'a\u{1B}[', 'a\u{1B}[31', 'a\u{1B}]0;x']) {
    assert.doesNotMatch(printable(text), /\p{Cc}/u);
  }
});

test('line ends stay, a carriage return hides nothing, and letters of any language are kept', () => {
  assert.equal(printable('one\r\ntwo\rthree\n\tüñ中'), 'one\ntwo\nthree\n  üñ中');
  assert.equal(printableLine('  one\n  two\r\n'), 'one two');
});
