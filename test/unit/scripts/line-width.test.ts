import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linesOfOtherText, wideLines } from '../../../scripts/line-width.ts';

const long = 'word '.repeat(30).trim();
const q = '`';

test('text of another language is found where a template has several lines', () => {
  const cases: [string, number[]][] = [
    [`const a = 1;\nconst sql = ${q}\n  SELECT ${'${a}'}\n  FROM b${q};\nconst c = 2;`, [1, 2, 3]],
    [`const one = ${q}a ${'${b}'} c${q};\nconst two = 2;`, []],
    [`// a ${q} in a comment\nconst a = '${q}';\nconst b = /[/${q}]/;\nconst c = 1;`, []],
    [`/* ${q}\n */\nconst a = 1;`, []],
    [`const a = ${q}${'${call({ b: { c: `x` } })}'}\nend${q};\nconst d = 1;`, [0, 1]],
    [`const a = ${q}\\${q}\nend${q};\nconst d = 1;`, [0, 1]],
    [`const a = b / c;\nconst d = ${q}e${q} / 2;\nconst f = 1;`, []],
  ];
  for (const [source, lines] of cases) assert.deepEqual([...linesOfOtherText(source)].sort(), lines, source);
});

test('comments and strings that are too wide are named, and what cannot be shorter is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wide-'));
  try {
    mkdirSync(join(folder, 'inner'));
    const lines = [
      `// ${long}`,
      `const a = '${long}';`,
      `const b = 'https://${'x'.repeat(120)}';`,
      `  /^(${'a|'.repeat(60)}b)$/,`,
      `const sql = ${q}`,
      `  ${long}`,
      `${q};`,
      `const c = 1; // ${long}`,
      `test('${long}', () => {`,
      `  one: /${long}/,`,
      `/** ${long} */`,
    ];
    writeFileSync(join(folder, 'inner/file.ts'), lines.join('\n'));
    assert.deepEqual(
      wideLines(folder).map(({ file, line }) => `${file}:${line}`),
      ['inner/file.ts:1', 'inner/file.ts:2', 'inner/file.ts:8', 'inner/file.ts:11'],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
