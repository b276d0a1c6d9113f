import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const program = `
  import { chooseRenderer } from ${JSON.stringify(join(import.meta.dirname, '../../../src/ui/choose-renderer.ts'))};
  import { guardedOutput } from ${JSON.stringify(join(import.meta.dirname, '../../../src/ui/output.ts'))};
  const renderer = chooseRenderer(guardedOutput(process.stdout), { json: false, env: {} });
  for await (const _ of process.stdin) {
    for (let count = 0; count < 50; count += 1) {
      renderer.handle({ type: 'message', at: new Date().toISOString(), level: 'info', line: 'x'.repeat(2000) });
      await new Promise(setImmediate);
    }
  }
  renderer.close();
  process.stderr.write('ended');`;

/**
 * Starts the program, lets `spoil` act on its standard output, then lets it write; gives its exit code and
 * last words.
 */
async function writesTo(stdout: 'pipe' | number, spoil: (child: ReturnType<typeof spawn>) => void) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', stdout, 'pipe'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  spoil(child);
  child.stdin?.end('go');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

test('a full disk behind standard output does not end the program', async () => {
  const full = openSync('/dev/full', 'w');
  assert.deepEqual(await writesTo(full, () => undefined), { code: 0, said: 'ended' });
  closeSync(full);
});

test('a reader that has gone away does not end the program', async () => {
  assert.deepEqual(await writesTo('pipe', (child) => child.stdout?.destroy()), { code: 0, said: 'ended' });
});

const output = JSON.stringify(join(import.meta.dirname, '../../../src/ui/output.ts'));

test('a terminal that takes nothing any more does not stop the program', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stalled-'));
  const ended = join(folder, 'ended');
  const writer = join(folder, 'writer.ts');
  writeFileSync(
    writer,
    `import { writeFileSync } from 'node:fs';
    import { guardedOutput } from ${output};
    const stalled = guardedOutput(process.stdout);
    let behind = false;
    for (let count = 0; count < 300; count += 1) {
      stalled.write('x'.repeat(2000) + '\\n');
      behind ||= stalled.isBehind;
      await new Promise(setImmediate);
    }
    writeFileSync(${JSON.stringify(ended)}, String(stalled.isTerminal && behind));
    process.exit(0);`,
  );
  // A pseudo-terminal whose other side is read by script, which soon waits for us: we never read.
  const script = spawn('script', ['-qefc', `${process.execPath} ${writer}`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    for (const startedAt = performance.now(); !existsSync(ended); await sleep(50)) {
      assert.ok(performance.now() - startedAt < 60_000, 'the program waits for its terminal');
    }
    await sleep(100);
    assert.equal(readFileSync(ended, 'utf8'), 'true');
  } finally {
    script.kill('SIGKILL');
    script.stdout.destroy();
    rmSync(folder, { recursive: true });
  }
});

test('a slow reader gets all that was written before the program leaves', async () => {
  const code = `import { outputTaken } from ${output};
    process.stdout.write('x'.repeat(1_000_000));
    await outputTaken(new AbortController().signal);
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await sleep(500);
  let bytes = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    await sleep(5);
  }
  assert.equal(bytes, 1_000_000);
});
