import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isLine, strictJson } from '../../../../src/payload/format/strict-json.ts';

describe('JSON in one spelling', () => {
  const parse = (text: string | Buffer, indent?: number) => strictJson(Buffer.from(text), indent);

  it('is parsed with spaces and a newline behind it, unknown fields with it', () => {
    assert.deepEqual(parse('{"a":[1,-2,0.5,1e+30,"\\t\\n\\"\\\\u0041é"],"b":null}   \n'), {
      a: [1, -2, 0.5, 1e30, '\t\n"\\u0041é'],
      b: null,
    });
    assert.deepEqual(parse('{\n "a": 1\n}\n', 1), { a: 1 });
  });

  it('is refused in every other spelling', () => {
    for (const text of [
      '',
      '\n',
      '{}',
      '{}x\n',
      ' {}\n',
      '{} \n \n',
      '{"a":1,"a":1}\n',
      '{"b":1,"1":2}\n',
      '{"a":1.0}\n',
      '{"a":"\\u0041"}\n',
      '{"a":"\\/"}\n',
      '\ufeff{}\n',
    ])
      assert.throws(() => parse(text), { name: 'NotStrictJson' }, text);
    assert.throws(() => parse(Buffer.from([0x22, 0xff, 0x22, 0x0a])), { name: 'NotStrictJson' });
    assert.throws(() => parse(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22, 0x0a])), { name: 'NotStrictJson' });
  });

  it('is refused with control characters and with a key __proto__, and takes a backslash for what it is', () => {
    for (const character of ['\u0000', '\u001b', '\b', '\f', '\u007f', '\u009b', '\u202e', '\u2066'])
      assert.throws(() => parse(`${JSON.stringify({ a: `x${character}` })}\n`), /control characters/);
    assert.throws(() => parse('{"__proto__":1}\n'), /__proto__/);
    assert.deepEqual(parse(`${JSON.stringify({ a: String.raw`\u001b \b` })}\n`), {
      a: String.raw`\u001b \b`,
    });
  });

  it('is refused with every character that FORMAT.md lists, in a value as in a key, and with no other one', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../payload-spec/FORMAT.md'), 'utf8');
    const rows = page.split('\n').filter((row) => row.startsWith('| U+'));
    const ranges = rows.flatMap((row) =>
      [...row.matchAll(/U\+([0-9A-F]+)(?:-U\+([0-9A-F]+))?/g)].map(
        ([, from = '', to = from]) => [Number.parseInt(from, 16), Number.parseInt(to, 16)] as const,
      ),
    );
    assert.ok(ranges.length > 10);
    const listed = (point: number) => ranges.some(([from, to]) => from <= point && point <= to);
    for (let point = 0; point <= 0x10_ff_ff; point += 1) {
      const isRefused = listed(point) || [0x09, 0x0a, 0x0d].includes(point);
      const text = `a${String.fromCodePoint(point)}b`;
      if (isLine(text) === isRefused) assert.fail(`a line with U+${point.toString(16)}`);
    }
    for (const point of ranges
      .flatMap(([from, to]) => [from - 1, from, to, to + 1])
      .filter((at) => at >= 0)) {
      const value = { field: [`a${String.fromCodePoint(point)}`], [`b${String.fromCodePoint(point)}`]: 1 };
      for (const part of [{ a: value.field }, { [Object.keys(value)[1]!]: 1 }]) {
        const parsed = () => parse(`${JSON.stringify(part)}\n`);
        if (listed(point)) assert.throws(parsed, { name: 'NotStrictJson' }, `U+${point.toString(16)}`);
        else assert.deepEqual(parsed(), part, `U+${point.toString(16)}`);
      }
    }
  });

  it('is refused before it takes memory, however it is made', () => {
    const before = process.memoryUsage().rss;
    const size = 64 * 1024 * 1024;
    for (const [piece, words] of [
      ['[', /nested deeper/],
      ['{"a":', /nested deeper/],
      ['[],', /more than 2000000 members/],
      ['{},', /more than 2000000 members/],
      ['1,', /more than 2000000 members/],
    ] as const)
      assert.throws(() => strictJson(Buffer.alloc(size, piece)), words);
    assert.ok(process.memoryUsage().rss - before < 4 * size);
  });

  it('knows a line of text', () => {
    assert.ok(isLine('Tiny 2026.1 – größer'));
    for (const value of ['', 'a\nb', 'a\u001b', 'a\u202eb', 'x'.repeat(513), 1, null, undefined])
      assert.equal(isLine(value), false, String(value));
  });
});
