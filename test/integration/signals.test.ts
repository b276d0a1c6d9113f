import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { signalEffects } from '../../src/host/signals.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { fakeK3s, inOwnMounts } from '../fixtures/own-mounts.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/**
 * The built executable as root, in a network of its own, with every signal sent to it; another user looks for
 * a debugger.
 */

const work = mkdtempSync('/var/lib/signals-');
const payload = await makeTinyPayload({
  executable: builtExecutable(),
  product: { folder: join(work, 'product') },
});
const large = await makeTinyPayload({ executable: builtExecutable(), padToBytes: 1024 * 2 ** 20 });
const pids = new Set<number>();
after(() => {
  for (const pid of pids) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {}
  }
  payload.remove();
  large.remove();
  rmSync(work, { recursive: true });
});

const commands = {
  usual: {},
  'begun anew': { NODE_OPTIONS: '--inspect', NODE_DEBUG: 'x' },
};

/** A run that waits for kubectl, whose first call it has started. */
async function waitingRun(env: Record<string, string>) {
  const asked = join(mkdtempSync(join(work, 'run-')), 'asked');
  const k3s = fakeK3s({ kubectl: `touch ${asked}; exec sleep 8`, ctr: 'exit 1', crictl: 'exit 1' });
  const argv = inOwnMounts(`ip link set lo up; ${k3s.mount}`, [
    payload.path,
    'install',
    '--yes',
    '--fqdn',
    'a.example',
  ]);
  const child = spawn('unshare', ['--net', ...argv], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: 'ignore',
    detached: true,
  });
  const pid = child.pid ?? 0;
  pids.add(pid);
  const ended = new Promise<void>((done) =>
    child.on('close', () => {
      pids.delete(pid);
      k3s.remove();
      done();
    }),
  );
  const deadline = Date.now() + 20_000;
  while (!existsSync(asked)) {
    assert.ok(Date.now() < deadline && child.exitCode === null, 'it asks the cluster');
    await sleep(20);
  }
  return { pid, child, ended };
}

/** Ports on which a process listens; none of one that has ended. */
function listening(pid: number): string[] {
  try {
    const sockets = new Set(
      readdirSync(`/proc/${pid}/fd`).map((descriptor) => readlinkSync(`/proc/${pid}/fd/${descriptor}`)),
    );
    return ['tcp', 'tcp6'].flatMap((table) =>
      readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, , , state, , , , , , inode = '']) => state === '0A' && sockets.has(`socket:[${inode}]`))
        .map(([, local = '']) => local),
    );
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // The process, or one of its descriptors, is gone meanwhile.
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes(code)) return [];
    throw error;
  }
}

const connects = 'exec 3<>/dev/tcp/127.0.0.1/9229';
function asAnotherUser(pid: number, script: string) {
  const other = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  return runProgram(['nsenter', '--net', '--target', String(pid), ...other, 'bash', '-c', script]);
}

const harmless = Object.entries(signalEffects).filter(
  ([, { effect }]) => effect === 'nothing' || effect === 'pause',
);

for (const [how, env] of Object.entries(commands)) {
  test(`${how}: no signal opens a debugger to another user, and those that need not end no run`, async () => {
    const { pid, child, ended } = await waitingRun(env);
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
      const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`);
      assert.ok((blocked & (1n << 9n)) !== 0n, `SIGUSR1 is blocked in thread ${task}`);
    }
    for (const [signal, { effect }] of harmless) {
      process.kill(pid, signal as NodeJS.Signals);
      if (effect === 'pause') process.kill(pid, 'SIGCONT');
      await sleep(30);
      assert.equal(child.exitCode ?? child.signalCode, null, `${signal} ended the run`);
    }
    await sleep(300);
    assert.deepEqual(listening(pid), []);
    const { exitCode, stderr } = await asAnotherUser(pid, connects);
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /Connection refused/);
    process.kill(pid, 'SIGKILL');
    await ended;
  });
}

const stops = Object.entries(signalEffects).filter(([, { effect }]) => effect === 'stop');
for (const [signal] of stops) {
  test(`${signal} ends what runs at a safe point, with a message and the documented code`, async () => {
    let verifying = 0;
    const run = runProgram([large.path, 'verify'], { started: (pid) => (verifying = pid) });
    const bytesRead = () =>
      verifying === 0 ? 0 : /^rchar: (\d+)$/m.exec(readFileSync(`/proc/${verifying}/io`, 'utf8'))?.[1];
    while (Number(bytesRead()) < 64 * 2 ** 20) await sleep(1);
    process.kill(verifying, signal as NodeJS.Signals);
    const { exitCode, signal: by, stderr } = await run;
    assert.deepEqual([exitCode, by], [signal === 'SIGINT' || signal === 'SIGQUIT' ? 130 : 143, null], stderr);
    assert.match(stderr, new RegExp(`stopped by ${signal}`));
  });
}

test('SIGUSR1 at any instant of the start ends it or does nothing', async () => {
  for (let delay = 0; delay <= 120; delay += 8) {
    const child = spawn(payload.path, ['verify'], { stdio: 'ignore' });
    const ended = new Promise((done) => child.on('close', done));
    await sleep(delay);
    child.kill('SIGUSR1');
    while (child.exitCode === null && child.signalCode === null) {
      assert.deepEqual(listening(child.pid ?? 0), []);
      await sleep(5);
    }
    await ended;
    const { exitCode: code, signalCode: signal } = child;
    assert.ok(code === 0 || signal === 'SIGUSR1', `after ${delay} ms: ${code} ${signal}`);
  }
});
