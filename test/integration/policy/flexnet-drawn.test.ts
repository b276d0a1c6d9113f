import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { licenseText, parseLicense } from '../../../src/policy/entitlements.ts';
import { grantedNow, judgeEntitlement } from '../../../src/policy/license-verdict.ts';
import { readLmstat } from '../../../src/policy/lmstat.ts';

/** The readers get texts that are drawn: made of the words of the format, and damaged. */

function drawing(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pieces = [
  'FEATURE ',
  'INCREMENT ',
  'PACKAGE ',
  'UPGRADE ',
  'SERVER ',
  'VENDOR ',
  'USE_SERVER',
  'A ',
  'B ',
  'd ',
  '1.0 ',
  '2026.1 ',
  'permanent ',
  '1-jan-0 ',
  '31-dec-2027 ',
  '31-feb-99 ',
  'uncounted ',
  '0 ',
  '7 ',
  'HOSTID=ANY ',
  'HOSTID="DISPLAY=x ',
  'COMPONENTS="A B:2 :: ',
  'SIGN="00 11',
  '"',
  '\\',
  '\\ \n',
  '\n',
  '\r',
  '#',
  '=',
  '27000@h',
  ',',
  '{',
  '"entitlements":[',
  ']}',
  '\ufeff',
  '\u00ff',
  '\0',
  'Users of A:  (Total of ',
  '5 licenses issued',
  'license server UP',
];
const names = { A: {}, B: { leastVersion: '1.5' } };
const host = { macAddresses: [], addresses: [], hostName: 'h' };

test('whatever a file holds, it is read or refused as one that cannot be used', () => {
  const draw = drawing(Number(process.env['SEED'] ?? 20_261_127));
  let readable = 0;
  for (let round = 0; round < 3000; round += 1) {
    let text = Array.from({ length: draw(40) }, () => pieces[draw(pieces.length)]).join('');
    if (draw(4) === 0) {
      const bytes = Buffer.from(text);
      if (bytes.length > 0) bytes[draw(bytes.length)] = draw(256);
      text = licenseText(bytes);
    }
    const { server } = readLmstat(text, 'A');
    assert.ok(['up', 'down', 'unknown'].includes(server));
    try {
      const license = parseLicense(text, '/l', names);
      readable += 1;
      const judging = { names, now: new Date(), host };
      for (const name of ['A', 'B']) {
        const { status } = judgeEntitlement(license, name, judging);
        if (license.format === 'flexnet') {
          assert.equal(status === 'granted', grantedNow(license, judging).includes(name), text);
        }
      }
    } catch (error) {
      assert.ok(error instanceof IvaapError && error.code === 'usage', `${String(error)}\n${text}`);
    }
  }
  assert.ok(readable > 300, `${readable} were read`);
});

/** Texts on which a reader that goes back would take minutes. */
const long: [string, (size: number) => string][] = [
  ['blanks', (size) => `FEATURE A d 1 permanent 1 ${' '.repeat(size)}x`],
  ['backslashes', (size) => `FEATURE A d 1 permanent 1 ${'\\'.repeat(size)}`],
  ['continued lines', (size) => `FEATURE A d 1 permanent 1 ${'\\\n'.repeat(size / 2)}`],
  ['quotes', (size) => `FEATURE A d 1 permanent 1 ${'"'.repeat(size)}`],
  ['a word that never ends', (size) => `FEATURE A d ${'1'.repeat(size)} permanent 1`],
  ['lines of one feature', (size) => 'FEATURE A d 1 permanent 1\n'.repeat(size / 26)],
  ['upgrades', (size) => 'INCREMENT A d 1 permanent 1\nUPGRADE A d 1 2 permanent 1\n'.repeat(size / 56)],
  ['packages', (size) => 'PACKAGE P d 1 COMPONENTS=A\nFEATURE P d 1 permanent 1\n'.repeat(size / 53)],
  ['components', (size) => `PACKAGE P d 1 COMPONENTS="${'A '.repeat(size / 2)}"\nFEATURE P d 1 permanent 1`],
  ['empty lines', (size) => `FEATURE A d 1 permanent 1${'\n'.repeat(size)}`],
  ['commas', (size) => `FEATURE A d 1 permanent 1\n27000@a${',1@a'.repeat(size / 4)}`],
  ['braces', (size) => '{'.repeat(size)],
  ['brackets', (size) => '['.repeat(size)],
];
for (const [name, make] of long) {
  test(`a text of 1 MB is read in a time that grows with its length: ${name}`, () => {
    const took = (size: number) => {
      const text = make(size);
      const started = process.cpuUsage();
      try {
        const license = parseLicense(text, '/l', names);
        grantedNow(license, { names, now: new Date(), host });
      } catch (error) {
        assert.ok(error instanceof IvaapError);
      }
      readLmstat(text, 'A');
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1000;
    };
    took(100_000);
    const [small, large] = [took(250_000), took(1_000_000)];
    // Four times as long takes 16 times as long where the time grows with the square.
    assert.ok(large < 10 * small + 200, `${small} ms, ${large} ms`);
  });
}
