import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { queryVerify } from '../../../src/queries/verify.ts';
import { makeTinyPayload, noise, tinyHead } from '../../fixtures/tiny-payload.ts';

const folder = mkdtempSync(join(tmpdir(), 'head-check-'));
// A head that ends in its second chunk, together with the first entries.
const head = Buffer.concat([tinyHead(), noise(5_000_000)]);
head.writeBigUInt64LE(BigInt(head.length - 64), 40);
head.fill(0, head.length - 64);
const executable = join(folder, 'head');
writeFileSync(executable, head);
const tiny = await makeTinyPayload({ bigLayerBytes: 9_000_000, executable });
after(() => {
  tiny.remove();
  rmSync(folder, { recursive: true });
});

const intact = readFileSync(tiny.path);
const { entries, headSize } = tiny.index;
const first = entries[0]!;
const second = entries[1]!;
const inHeader = first.offset + first.size + 4;

const rows: [what: string, at: number[], named: string[], head: string][] = [
  ['a local header', [inHeader], [second.name], 'intact'],
  ['the first local header', [first.offset - first.name.length - 10], [first.name], 'intact'],
  ['the content of an entry', [second.offset], [second.name], 'unknown'],
  [
    'a local header and the head',
    [inHeader, headSize - 100_000],
    ['the executable itself', second.name],
    'damaged',
  ],
  ['the head', [headSize - 100_000], ['the executable itself'], 'damaged'],
  [
    'both chunks of the head, and a header',
    [9_000, headSize - 9, inHeader],
    ['the executable itself', second.name],
    'damaged',
  ],
  [
    'the first chunk of the head, and a header',
    [9_000, inHeader],
    ['the executable itself', second.name],
    'damaged',
  ],
];
for (const [what, at, named, verdict] of rows) {
  for (const full of [false, true]) {
    test(`with damage in ${what} verify${full ? ' --full' : ''} accuses nothing else`, async () => {
      const bytes = Buffer.from(intact);
      for (const offset of at) bytes[offset]! ^= 1;
      const file = join(folder, 'damaged');
      writeFileSync(file, bytes);
      const { report } = await queryVerify(
        { file, full, trustKey: undefined },
        { emit: () => {}, signal: new AbortController().signal, again: () => '' },
      );
      assert.deepEqual(
        report.damages.map((damage) => damage.what),
        named,
      );
      assert.equal(report.parts[0]?.verdict, verdict);
      assert.equal(report.intact, false);
    });
  }
}
