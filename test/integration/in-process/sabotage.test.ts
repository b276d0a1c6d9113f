import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/**
 * A proof that cannot fail proves nothing: the matrix of places is run over copies of the sources that are
 * wrong in one thing each, and must fail there.
 */

interface Sabotage {
  name: string;
  /** Each text is in its file exactly once. */
  edits: { file: string; text: string; instead: string }[];
  /** The test that has to fail over it. */
  caughtBy: string;
  /** What that says. */
  saying: RegExp;
}

const sabotages: Sabotage[] = [
  {
    name: 'a step is recorded after its effect',
    edits: [
      {
        file: 'src/engine/attempt.ts',
        text: 'await journal.stepRunning(id, facts, options.dependants);',
        instead: '',
      },
      {
        file: 'src/engine/attempt.ts',
        text: 'const out = await step.run(ctx, io, plan);',
        instead:
          'const out = await step.run(ctx, io, plan); await ' +
          'journal.stepRunning(id, facts, options.dependants);',
      },
    ],
    caughtBy: 'an upgrade that is killed',
    saying: /is changed while no step is recorded as running/,
  },
  {
    name: 'nothing is synced to the disk',
    edits: [{ file: 'src/engine/disk.ts', text: 'await file.sync();', instead: '' }],
    caughtBy: 'an install whose host loses power',
    saying: /whose host loses power at \w+/,
  },
  {
    name: 'verify always holds',
    edits: [
      { file: 'src/engine/attempt.ts', text: 'await step.verify?.(ctx, out);', instead: '' },
      { file: 'src/engine/resume.ts', text: 'await step.verify?.(ctx, out.data);', instead: '' },
    ],
    caughtBy: 'what was done is looked at again',
    saying: /dumpIsTheRecorded: null/,
  },
  {
    name: 'a dump is reused whatever its age',
    edits: [
      {
        file: 'src/steps/upgrade_pg_backup.ts',
        text: 'if (why !== undefined && !(await isReleaseUnchanged(ctx)))',
        instead: "if (why === 'never')",
      },
    ],
    caughtBy: 'a dump of two hours ago',
    saying: /Gullfaks A-1/,
  },
];

const root = join(import.meta.dirname, '../../..');
const matrix = 'test/integration/in-process/killed.test.ts';

async function runMatrixOver(
  edits: Sabotage['edits'],
  only = '',
): Promise<{ code: number | null; said: string }> {
  const copy = mkdtempSync(join(tmpdir(), 'sabotage-'));
  try {
    const product = 'payload-spec/ivaap/product.yaml';
    for (const part of ['src', 'build', 'test/fixtures', 'test/crash', product, matrix, 'package.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const { file, text, instead } of edits) {
      const source = readFileSync(join(copy, file), 'utf8');
      assert.equal(source.split(text).length, 2, `${file} holds "${text}" once`);
      writeFileSync(join(copy, file), source.replace(text, instead));
    }
    // Without node:test's own variable, by which it would take itself for a part of this run.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const pattern = only === '' ? [] : [`--test-name-pattern=${only}`];
    const child = spawn(process.execPath, [...pattern, matrix], {
      cwd: copy,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, said };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

test('the matrix passes over an untouched copy', async () => {
  const { code, said } = await runMatrixOver([]);
  assert.equal(code, 0, said);
});

for (const { name, edits, caughtBy, saying } of sabotages) {
  test(`the matrix catches it when ${name}`, async () => {
    const { code, said } = await runMatrixOver(edits, caughtBy);
    assert.equal(code, 1, said);
    assert.match(said, new RegExp(`✖ ${caughtBy}`));
    assert.match(said, saying);
  });
}
