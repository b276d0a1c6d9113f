import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

const payload = await makeTinyPayload({ executable: builtExecutable() });
const work = mkdtempSync(join(tmpdir(), 'verify-'));
after(() => {
  payload.remove();
  rmSync(work, { recursive: true });
});

const { index } = payload;
const victim = join(work, 'victim');
copyFileSync(payload.path, victim);

/** Runs `verify` on a copy of the payload with one byte changed, which is changed back afterwards. */
async function verifyWithChange(offset: number, ...options: string[]) {
  const file = openSync(victim, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset);
  const change = (mask: number) => writeSync(file, Buffer.from([byte[0]! ^ mask]), 0, 1, offset);
  change(1);
  try {
    return await runProgram([payload.path, 'verify', victim, ...options]);
  } finally {
    change(0);
    closeSync(file);
  }
}

test('an intact file: exit 0 and the evidence, part by part', async () => {
  const { exitCode, stdout, stderr } = await runProgram([payload.path, 'verify']);
  assert.deepEqual([exitCode, stderr], [0, '']);
  for (const part of [
    'executable',
    'index.json',
    `${index.entries.length} entries`,
    'zip directory',
    'trailer',
  ]) {
    assert.match(stdout, new RegExp(`^${part} .* intact `, 'm'));
  }
  assert.match(stdout, new RegExp(`payload sha256:${payload.digest}, ${index.fileSize} bytes read in `));
});

test('--json gives the same as one object', async () => {
  const { stdout } = await runProgram([payload.path, 'verify', victim, '--json']);
  const evidence = JSON.parse(stdout) as {
    intact: boolean;
    bytes: number;
    parts: { from: number; to: number }[];
  };
  assert.equal(evidence.intact, true);
  assert.equal(evidence.bytes, index.fileSize);
  // The parts are the complete file, without a hole.
  let end = 0;
  for (const { from, to } of evidence.parts) {
    assert.equal(from, end);
    end = to;
  }
  assert.equal(end, index.fileSize);
});

const largest = index.entries.toSorted((a, b) => b.size - a.size)[0]!;
const chart = index.entries.find(({ name }) => name.endsWith('Chart.yaml'))!;
const places: [what: string, offset: number, named: string][] = [
  ['the executable', 5_000_000, 'the executable itself'],
  ['a layer', largest.offset + largest.size - 1, largest.name],
  ['a small file', chart.offset, chart.name],
  ["an entry's local header", chart.offset - chart.name.length - 10, chart.name],
];
for (const [what, offset, named] of places) {
  test(`a changed byte in ${what}: exit 4, naming it and a range that holds the byte`, async () => {
    const { exitCode, stdout, stderr } = await verifyWithChange(offset);
    assert.equal(exitCode, 4);
    assert.match(stderr, new RegExp(`damaged: ${named}`));
    assert.match(stdout, / DAMAGED /);
    const [, from = '', to = ''] = /^damaged: .*, bytes (\d+) to (\d+)$/m.exec(stdout) ?? [];
    assert.ok(Number(from) <= offset && offset <= Number(to), `${from} ${offset} ${to}`);
  });
}

const early: [what: string, offset: number, message: RegExp][] = [
  ['index.json', index.headSize + 2000, /damaged in index.json \(bytes \d+ to \d+/],
  ['the zip directory', index.chunks.coveredEnd + 40, /damaged in the zip directory/],
  ['the trailer', index.fileSize - 30, /is damaged: /],
];
for (const [what, offset, message] of early) {
  test(`a changed byte in ${what} is found before anything else is read`, async () => {
    const { exitCode, stderr } = await verifyWithChange(offset);
    assert.equal(exitCode, 4);
    assert.match(stderr, message);
  });
}

const others: [what: string, make: () => string, exit: number][] = [
  ['a text', () => (writeFileSync(join(work, 'text'), 'no executable'), join(work, 'text')), 4],
  ['an empty file', () => (writeFileSync(join(work, 'nothing'), ''), join(work, 'nothing')), 4],
  ['a missing file', () => join(work, 'missing'), 2],
  ['a folder', () => work, 2],
];
for (const [what, make, exit] of others) {
  test(`${what} instead of a delivered file: exit ${exit} and a hint`, async () => {
    const { exitCode, stderr } = await runProgram([payload.path, 'verify', make()]);
    assert.equal(exitCode, exit);
    assert.match(stderr, /^try: /m);
  });
}
