import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

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

/** Starts the program, lets `spoil` act on its standard output, then lets it write; gives its exit code and last words. */
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
