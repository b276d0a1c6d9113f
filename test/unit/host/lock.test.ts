import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { flockLock, readHolder } from '../../../src/host/lock.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { isAlive } from '../../../src/host/system.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const lockAt = (
  name: string,
  whileOrphaned: () => Promise<void> = async () => assert.fail('no orphan is expected'),
) =>
  flockLock({
    path: join(folder, name),
    runner: createRunner(),
    command: 'install --upgrade',
    version: '2026.2',
    by: 'operator',
    hint: './installer status',
    whileOrphaned,
  });

function locked(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.exitCode, 9);
    assert.match(error.message, pattern);
    assert.ok(error.hint);
    return true;
  };
}

test('a second run learns who holds the lock, since when and at which step; after release it may run', async () => {
  const lock = lockAt('second');
  const held = await lock.acquire();
  assert.equal((await stat(join(folder, 'second'))).mode & 0o777, 0o600);
  await assert.rejects(
    lock.acquire(),
    locked(
      new RegExp(`"install --upgrade" of 2026\\.2 \\(process ${process.pid}, since 20.*, by operator\\)$`),
    ),
  );
  held.working('upgrade_health_backend');
  held.working('upgrade_helm');
  await assert.rejects(lock.acquire(), locked(/at step upgrade_helm$/));
  held.release();
  held.release();
  const next = await lock.acquire();
  assert.equal(readHolder(join(folder, 'second'))?.step, undefined);
  next.release();
});

test('the holder that the file names is known to live or not, regardless of what happened to its process id', async () => {
  const held = await lockAt('holder').acquire();
  const holder = readHolder(join(folder, 'holder'));
  assert.ok(holder);
  assert.equal(isAlive(holder), true);
  assert.equal(isAlive({ ...holder, startTime: holder.startTime + 1 }), false);
  assert.equal(isAlive({ ...holder, bootId: 'another boot' }), false);
  held.release();
  assert.equal(readHolder(join(folder, 'none')), undefined);
});

test('a run that was killed leaves the lock free', async () => {
  const script = `
    import { flockLock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/lock.ts'))};
    import { createRunner } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/runner.ts'))};
    const [path] = process.argv.slice(1);
    await flockLock({ path, runner: createRunner(), command: 'install', version: '1', by: 'x', hint: '', whileOrphaned: async () => {} }).acquire();
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, join(folder, 'killed')]);
  await once(child.stdout, 'data');
  await assert.rejects(lockAt('killed').acquire(), locked(new RegExp(`process ${child.pid}`)));
  child.kill('SIGKILL');
  await once(child, 'exit');
  (await lockAt('killed').acquire()).release();
});

test('a program that inherited the descriptor of a dead run is waited for, and the lock is had when it has ended', async () => {
  const path = join(folder, 'inherited');
  const held = await lockAt('inherited').acquire();
  const orphan = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', held.descriptor] });
  await once(orphan, 'spawn');
  held.release();
  const holder = JSON.parse(await readFile(path, 'utf8')) as { startTime: number };
  await writeFile(path, JSON.stringify({ ...holder, startTime: holder.startTime - 1 }));
  await assert.rejects(
    lockAt('inherited', () => Promise.reject(new Error('given up'))).acquire(),
    /given up/,
  );
  let asked = 0;
  const next = await lockAt('inherited', async () => {
    asked += 1;
    if (asked < 3) return;
    orphan.kill('SIGKILL');
    await once(orphan, 'exit');
  }).acquire();
  assert.equal(asked, 3);
  next.release();
});

test('a lock file that cannot be opened is named', async () => {
  await assert.rejects(lockAt('no-folder/lock').acquire(), (error: unknown) => {
    assert.ok(error instanceof IvaapError);
    assert.match(error.message, /no-folder\/lock cannot be opened/);
    return true;
  });
});
