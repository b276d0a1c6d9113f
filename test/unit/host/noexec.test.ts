import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const source = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../src/host', path));

test('a tool on a file system that nothing is executed from: mount and option are named', (t) => {
  if (process.geteuid?.() !== 0) return t.skip('mounting needs root');
  const folder = mkdtempSync(join(tmpdir(), 'noexec-'));
  try {
    const script = `
      import { createHash } from 'node:crypto';
      import { placeTool } from ${source('tools.ts')};
      import { createRunner } from ${source('runner.ts')};
      const program = Buffer.from('#!/bin/sh\\n');
      const sha256 = createHash('sha256').update(program).digest('hex');
      const tool = await placeTool(${JSON.stringify(join(folder, 'tools'))}, { name: 'helm', sha256 }, async function* () { yield program; });
      await createRunner().run([tool.path, 'version']).catch(({ message, hint, code }) => console.log(JSON.stringify({ message, hint, code })));`;
    // The mount is seen by this one process tree and goes with it.
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        '--mount',
        'sh',
        '-ec',
        'mount -t tmpfs -o noexec none "$1"; exec "$2" --input-type=module -e "$3"',
        'sh',
        folder,
        process.execPath,
        script,
      ],
      { encoding: 'utf8' },
    );
    assert.notEqual(stdout, '', stderr);
    const { message, hint } = JSON.parse(stdout) as { message: string; hint: string };
    assert.match(message, /helm may not be executed: \S+ is mounted with the option noexec$/);
    assert.ok(message.includes(`: ${folder} is`), message);
    assert.equal(hint, `mount -o remount,exec ${folder}`);
    assert.equal(execFileSync('ls', [folder], { encoding: 'utf8' }), '', 'the mount was private');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
