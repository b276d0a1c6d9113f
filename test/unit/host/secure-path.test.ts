import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notStarted } from '../../../src/host/program-failure.ts';
import type { Runner } from '../../../src/host/runner.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { securePath } from '../../../src/host/secure-path.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

const says = (stdout: string): Runner => ({
  async run(argv) {
    assert.deepEqual(argv, ['sudo', '-V']);
    return { exitCode: 0, stdout, stderr: '', stdinBytes: 0, durationMs: 1 };
  },
});

test('what sudo prints of itself is what counts', async () => {
  const version = 'Sudo version 1.9.13p3\nConfigure options: --with-secure-path=/x:/y\n';
  const set = `${version}Value to override user's $PATH with: /usr/local/sbin:/usr/sbin:relative:/bin\n`;
  assert.deepEqual(await securePath(says(set)), {
    known: true,
    value: ['/usr/local/sbin', '/usr/sbin', '/bin'],
  });
  assert.deepEqual(await securePath(says(version)), { known: true, value: undefined });
});

test('without sudo nothing has to be done; one that does not answer is not known', async () => {
  const missing = Object.assign(new Error('no'), { code: 'ENOENT' });
  const none: Runner = { run: async () => Promise.reject(notStarted('sudo', 'sudo', missing)) };
  assert.deepEqual(await securePath(none), { known: true, value: undefined });
  const broken: Runner = { run: async () => Promise.reject(new Error('it hangs')) };
  assert.equal((await securePath(broken)).known, false);
});

test('where sudo prints only its version, the files are read as it reads them', async () => {
  const module = JSON.stringify(new URL('../../../src/host/secure-path.ts', import.meta.url).href);
  const program = `const { securePath } = await import(${module});
    const runner = { run: async () => ({ stdout: 'sudo-rs 0.2.8\\n' }) };
    console.log(JSON.stringify((await securePath(runner)).value ?? null));`;
  const rows: [string, string, string][] = [
    ['Defaults env_reset, secure_path="/usr/sbin:/usr/bin"', '', '["/usr/sbin","/usr/bin"]'],
    ['Defaults secure_path = /sbin:/bin', 'Defaults secure_path="/opt/bin"', '["/opt/bin"]'],
    ['# Defaults secure_path="/x"', '', 'null'],
  ];
  for (const [main, more, value] of rows) {
    const mount =
      'mount -t tmpfs -o mode=755 tmpfs /etc; mkdir /etc/sudoers.d; ' +
      `echo '${main}' > /etc/sudoers; echo '${more}' > /etc/sudoers.d/10; ` +
      `echo 'Defaults secure_path="/skipped"' > /etc/sudoers.d/20.bak`;
    const argv = [process.execPath, '--input-type=module', '-e', program];
    const { stdout } = await createRunner().run(inOwnMounts(mount, argv));
    assert.equal(stdout.trim(), value, main);
  }
});
