import type { ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How a program is started that may outlive us: first recorded, then started, with output that needs no
 * reader.
 */

const word = 'go';
const pauseMs = 200;

/**
 * The program behind a gate: a shell that waits for our word on a descriptor and then becomes the program,
 * keeping process id and start time. When we die first the descriptor ends, and the program never runs. Its
 * argv is passed on as it is, never read as a script.
 */
export function gatedCommand(
  argv: readonly string[],
  descriptor: number,
): { program: string; args: string[] } {
  const script =
    `read -r word <&${descriptor} && [ "$word" = ${word} ] ` +
    `|| exit 125; exec ${descriptor}<&-; exec "$@"`;
  return { program: '/bin/sh', args: ['-c', script, 'sh', ...argv] };
}

/** Starts the program once `record` has resolved; otherwise it is gone when this rejects. */
export async function openGate(
  child: ChildProcess,
  exited: Promise<unknown>,
  descriptor: number,
  record: (pid: number) => Promise<void>,
): Promise<void> {
  const gate = child.stdio[descriptor] as Writable;
  gate.on('error', () => {}); // EPIPE: the child's exit code is the answer
  try {
    await record(child.pid ?? 0);
  } catch (error) {
    gate.destroy();
    await exited;
    throw error;
  }
  gate.end(`${word}\n`);
}

/** A file's bytes as they are written, until its writer has ended. */
export async function* tailOf(path: string, ended: Promise<unknown>): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  let over = false;
  const end = ended.then(() => (over = true));
  try {
    for (;;) {
      // Asked before the read: what was written before the end is in it.
      const last = over;
      const buffer = Buffer.alloc(65_536);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      else if (last) return;
      else await Promise.race([sleep(pauseMs), end]);
    }
  } finally {
    await file.close();
  }
}
