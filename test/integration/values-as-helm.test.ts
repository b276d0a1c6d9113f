import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { IvaapError } from '../../src/errors.ts';
import { readValuesFile } from '../../src/release/values-file.ts';
import { labPrograms } from '../lab/programs.ts';

const { helm } = await labPrograms();
/**
 * Values files of every odd kind, read by us and rendered by the real Helm: equal, or refused by us with the
 * line.
 */

const work = mkdtempSync(join(tmpdir(), 'values-as-helm-'));
after(() => rmSync(work, { recursive: true }));
const chart = join(work, 'chart');
mkdirSync(join(chart, 'templates'), { recursive: true });
writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: toy\nversion: 1.0.0\n');
writeFileSync(join(chart, 'templates/a.yaml'), 'json: {{ .Values | toJson }}\n');

const scalars = [
  'yes',
  'no',
  'on',
  'off',
  'y',
  'n',
  'Y',
  'N',
  'Yes',
  'NO',
  'On',
  'OFF',
  'true',
  'True',
  'TRUE',
  'tRue',
  '~',
  'null',
  'Null',
  'NULL',
  '',
  '010',
  '0o10',
  '0x1F',
  '0b101',
  '1_000',
  '1e3',
  '1.5',
  '.5',
  '5.',
  '+1',
  '-0',
  '.inf',
  '-.inf',
  '.nan',
  '1:30',
  '12:30:45',
  '2026-11-27',
  '2026-11-27T10:00:00Z',
  '12345678901234567890',
  '9007199254740993',
  '1.0',
  '1.10',
  '0.1e-7',
  '1e400',
  '"yes"',
  "'010'",
  '0',
  '00',
  '08',
  '0x',
  '!!str yes',
  '!!int "3"',
  '!!binary aGk=',
  '!foo x',
  '<<',
  '=',
  '-',
  '0777',
  '0o777',
  '-010',
  '1__0',
  '0b2',
  '1.2.3',
  '.',
  '..',
  '12e03',
  '+.inf',
  '.Inf',
  '1e21',
  '100000000000000000000',
  '123456789.5',
  '1e6',
  '!!float 3',
  '!!bool yes',
  '!!bool "yes"',
  '!!null ""',
  '01.5',
  '1,000',
  '190:20:30',
];

const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
const files: Record<string, string | Buffer> = {
  dup: 'a: 1\na: 2\n',
  merge: 'b: &b {x: 1, y: 2}\na:\n  <<: *b\n  y: 3\n',
  mergelist: 'b: &b {x: 1}\nc: &c {x: 2, z: 1}\na:\n  <<: [*b, *c]\n',
  mergelate: 'b: &b {x: 1}\na:\n  x: 5\n  <<: *b\n',
  mergeinline: 'a:\n  <<: {x: 1}\n  y: 2\n',
  twomerge: 'b: &b {x: 1}\nc: &c {y: 1}\na:\n  <<: *b\n  <<: *c\n',
  mergestr: 'a:\n  <<: foo\n',
  quotedmerge: 'a:\n  "<<": {x: 1}\n',
  empty: '',
  comment: '# a\n',
  nulltop: '~\n',
  list: '- 1\n',
  scalar: 'abc\n',
  two: 'a: 1\n---\nb: 2\n',
  twoempty: 'a: 1\n---\n',
  lead: '---\na: 1\n',
  end: 'a: 1\n...\n',
  endmore: 'a: 1\n...\nb: 2\n',
  tab: 'a:\n\tb: 1\n',
  tabval: 'a:\tb\n',
  bom: '\ufeffa: 1\n',
  u16: utf16('a: 1\n'),
  latin: Buffer.from('a: \xe4\n', 'latin1'),
  many: 'x: &x q\n' + Array.from({ length: 120 }, (_, i) => `k${i}: *x`).join('\n') + '\n',
  manymap: 'x: &x {a: 1, b: [1,2]}\n' + Array.from({ length: 300 }, (_, i) => `k${i}: *x`).join('\n') + '\n',
  bomb:
    'a: &a [x,x,x,x,x,x,x,x,x]\n' +
    ['b', 'c', 'd', 'e', 'f', 'g']
      .map((k, i, A) => {
        const p = i ? A[i - 1] : 'a';
        return `${k}: &${k} [${Array(9)
          .fill('*' + p)
          .join(',')}]`;
      })
      .join('\n') +
    '\n',
  undef: 'a: *zz\n',
  self: 'a: &a [*a]\n',
  numkey: '1: x\n1.5: y\n010: z\n',
  boolkey: 'yes: x\nno: y\n',
  nullkey: '~: x\n',
  mapkey: '{a: 1}: x\n',
  listkey: '[a]: x\n',
  fold: 'a: >\n  b\n  c\n\nd: |-\n  e\n  f\n',
  dq: 'a: "\\u00e9\\x41\\n"\n',
  sq: "a: 'it''s'\n",
  flow: 'a: {b: [1, yes, "x"], c: ~}\n',
  colon: 'a: b: c\n',
  hash: 'a: b#c\nd: e #f\n',
  at: 'a: @x\n',
  pct: 'a: %x\n',
  back: 'a: `x\n',
  plainmulti: 'a: b\n  c\n',
  anchoronly: 'a: &x\nb: *x\n',
  directive: '%YAML 1.2\n---\na: yes\n',
  directive1: '%YAML 1.1\n---\na: yes\n',
  crlf: 'a: 1\r\nb: 2\r\n',
  cr: 'a: 1\rb: 2\r',
  nbsp: 'a:\u00a01\n',
  ctrl: 'a: \u0001\n',
  del: 'a: \u007f\n',
  nel: 'a: b\u0085c\n',
  ls: 'a: b\u2028c\n',
  emoji: 'a: 😀\n',
  noend: 'a: 1',
  dupmerge: 'b: &b {x: 1}\na:\n  <<: *b\n  x: 2\n  x: 3\n',
  samekeys: '1: a\n"1": b\n',
  redef: 'a: &x 1\nb: &x 2\nc: *x\n',
  tagmap: 'a: !!map {b: 1}\n',
  set: 'a: !!set {b, c}\n',
  omap: 'a: !!omap [b: 1]\n',
  complex: '? a\n: b\n',
  emptyk: ': b\n',
  deep: 'a: ['.repeat(200) + ']'.repeat(200) + '\n',
  indent: 'a:\n  b: 1\n c: 2\n',
  seqsame: 'a:\n- 1\n- 2\n',
  unclosed: 'a: "b\n',
  unclosedf: 'a: [1\n',
  trail: 'a: 1 \n  \n',
  proto: '__proto__: {x: 1}\n',
  ctor: 'constructor: 1\n',
  longkey: '"k'.repeat(1100) + '": 1\n',
  y12: 'a: 0o14\nb: 014\n',
};
for (const scalar of scalars) files[`a: ${scalar}`] = `a: ${scalar}\n`;

/**
 * Files that Helm takes and we refuse, each because nobody could mean what Helm makes of it, or because it
 * may be written in another way.
 */
const refusedByUs = new Set([
  'a: !!binary aGk=',
  'a: !!float 3',
  'a: !foo x',
  'a: .',
  'a: 1e400',
  'cr',
  'dup',
  'dupmerge',
  'endmore',
  'mergelate',
  'omap',
  'samekeys',
  'set',
  'two',
  'twoempty',
]);

const run = promisify(execFile);
async function helmReads(path: string): Promise<unknown> {
  try {
    const { stdout } = await run(helm, ['template', 'x', chart, '-f', path], { env: { HOME: work } });
    return JSON.parse(/^json: (.*)$/m.exec(stdout)?.[1] ?? '');
  } catch (error) {
    assert.match(String((error as { stderr?: string }).stderr), /failed to parse/);
    return undefined;
  }
}

const refused: string[] = [];
let at = 0;
for (const [name, contents] of Object.entries(files)) {
  test(`${name}: equal to Helm's reading, or refused with the line`, async () => {
    const path = join(work, `${(at += 1)}.yaml`);
    writeFileSync(path, contents);
    const theirs = await helmReads(path);
    try {
      const { root } = await readValuesFile(path, './ivaap');
      // Through JSON, as Helm has passed them to the chart.
      assert.deepEqual(JSON.parse(JSON.stringify(root)), theirs);
    } catch (error) {
      if (!(error instanceof IvaapError)) throw error;
      assert.match(error.message, /: line \d+: /);
      assert.doesNotMatch(error.message, /parseAllDocuments|\bJS\b|undefined/);
      if (theirs !== undefined) refused.push(name);
    }
  });
}

test('Helm takes these, and we do not', () => {
  assert.deepEqual(refused.sort(), [...refusedByUs].sort());
});
