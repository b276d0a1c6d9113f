import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/**
 * Large files ask the C library for huge pages, which it hears of only in the environment that a program
 * starts with.
 */

const large = await makeTinyPayload({ executable: builtExecutable(), padToBytes: 2 ** 30 });
const small = await makeTinyPayload({ executable: builtExecutable() });
after(() => {
  large.remove();
  small.remove();
});

const asks = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').includes('[madvise]');
const tunables = 'GLIBC_TUNABLES=glibc.malloc.hugetlb=1';

/** The environments that a process was seen to have, each once, and how it ended. */
async function environments(path: string, args: string[], env: Record<string, string>) {
  // Opened for writing alone: with 'ignore' it would look like a standard output that was closed.
  const nowhere = openSync('/dev/null', 'w');
  const child = spawn(path, args, { env, stdio: ['ignore', nowhere, nowhere] });
  const ended = once(child, 'exit');
  const seen = new Set<string>();
  while (child.exitCode === null && child.signalCode === null) {
    try {
      seen.add(readFileSync(`/proc/${child.pid}/environ`, 'utf8').replaceAll('\0', ' ').trim());
    } catch {
      // It has just ended.
    }
    await delay(1);
  }
  const [exitCode] = (await ended) as [number];
  closeSync(nowhere);
  seen.delete('');
  return { exitCode, last: [...seen].at(-1), count: seen.size };
}

test('a large file re-executes with them where the host gives them on request, as the same process', async () => {
  const environment: Record<string, string>[] = [
    {},
    { GLIBC_TUNABLES: 'glibc.malloc.perturb=85' },
    { LANG: 'C', SECRET: 'x' },
  ];
  for (const before of environment) {
    const { exitCode, last = '' } = await environments(large.path, ['verify'], {
      HOME: '/nowhere',
      ...before,
    });
    assert.equal(exitCode, 0);
    if (asks) assert.ok(last.split(' ').includes(tunables), last);
    assert.equal(last.includes('SECRET'), !asks && 'SECRET' in before);
  }
});

test('a small file, and a command that moves no bytes, start once', async () => {
  for (const [path, ...args] of [
    [small.path, 'verify'],
    [large.path, '-v'],
    [large.path, 'manifest', '--summary'],
  ] as const) {
    const { exitCode, last, count } = await environments(path, [...args], { HOME: '/nowhere' });
    assert.deepEqual([exitCode, last, count], [0, 'HOME=/nowhere', 1]);
  }
});
