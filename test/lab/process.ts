import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from './paths.ts';

/** What a finished program said. `code` is null when a signal ended it. */
export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program of the machine; throws with its output unless it exits 0. */
export async function run(command: string, args: readonly string[], input?: string): Promise<string> {
  const { code, signal, stdout, stderr } = await collect(spawn(command, args), input);
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${stderr || stdout}`);
}

export function collect(child: ReturnType<typeof spawn>, input?: string): Promise<Finished> {
  return new Promise((done, fail) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
    // A program that ends without reading its input is no error of ours.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/**
 * Asks until `question` gives something else than undefined or false; throws what `late` says when the time
 * is over.
 */
export async function until<T>(
  timeoutMs: number,
  question: () => Promise<T | undefined | false> | T | undefined | false,
  late: () => string,
): Promise<T> {
  for (const end = performance.now() + timeoutMs; ; await sleep(100)) {
    const answer = await question();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(late());
  }
}

/**
 * Runs `work` while no other process holds the lock `name`; the kernel lets go of it when this process ends.
 */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(lockFolder, { recursive: true });
  const descriptor = openSync(join(lockFolder, name), 'a');
  try {
    const flock = spawn('flock', ['--exclusive', '3'], {
      stdio: ['ignore', 'inherit', 'inherit', descriptor],
    });
    const { code } = await collect(flock);
    if (code !== 0) throw new Error(`flock ${name}: exit ${code}`);
    return await work();
  } finally {
    closeSync(descriptor);
  }
}
