import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alone } from '../proofs/proof.ts';
import type { Proof } from '../proofs/proof.ts';
import { targetNames } from './targets.ts';
import type { TargetName } from './targets.ts';

/** The result of one target. `problem` names what went wrong; the input is kept then. */
interface Fuzzed {
  executions: number;
  refused: number;
  maxRssBytes: number;
  problem?: string;
}

/** Feeds each reader with damaged inputs for `seconds`. */
export function fuzzProof(seed: string, seconds: number): Proof<{ id: TargetName }> {
  return {
    terms: { cases: 'readers', passed: 'sound' },
    groups: alone(targetNames.map((id) => ({ id }))),
    async attempt({ cases }, say) {
      return cases.map(({ id }) => {
        const { executions, refused, maxRssBytes, problem } = fuzz(id, seed, seconds);
        const memory = `${Math.round(maxRssBytes / 1024 ** 2)} MiB at most`;
        say(`${id}: ${executions} inputs, ${refused} refused, ${memory}, seed ${seed}`);
        if (problem !== undefined) return { id, problems: [problem] };
        const problems: string[] = [];
        if (refused <= executions / 4) problems.push('most inputs have to be damaged ones');
        if (executions <= 20) problems.push('the inputs have to be small enough to try many');
        return { id, problems };
      });
    },
  };
}

const heapMebibytes = 256;
/** Of the whole process: Node itself, the tests' own code and the reader. */
const memoryLimitBytes = 512 * 1024 * 1024;
/** Beyond the time asked for, an input that still runs hangs. */
const graceSeconds = 30;

/**
 * Feeds a reader with damaged inputs for `seconds`, in a process of its own whose memory and time are
 * limited.
 */
function fuzz(target: TargetName, seed: string, seconds: number): Fuzzed {
  const folder = mkdtempSync(join(tmpdir(), `fuzz-${target}-`));
  try {
    const child = spawnSync(
      process.execPath,
      [
        `--max-old-space-size=${heapMebibytes}`,
        join(import.meta.dirname, 'child.ts'),
        target,
        seed,
        String(seconds),
        folder,
      ],
      { encoding: 'utf8', timeout: (seconds + graceSeconds) * 1000, killSignal: 'SIGKILL' },
    );
    if (child.status === 0) {
      const result = JSON.parse(child.stdout) as Fuzzed;
      return result.maxRssBytes > memoryLimitBytes
        ? { ...result, problem: `${result.maxRssBytes} bytes of memory were taken` }
        : result;
    }
    const why = child.error === undefined ? child.stderr.slice(0, 4000) : `it hangs: ${child.error.message}`;
    return {
      executions: Number(readFileSync(join(folder, 'number'), 'utf8')) + 1,
      refused: 0,
      maxRssBytes: 0,
      problem: `${why}\ninput kept in ${kept(folder, target, seed)}`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies the input at which a reader ended to dist/, and returns the path. */
function kept(folder: string, target: TargetName, seed: string): string {
  const number = readFileSync(join(folder, 'number'), 'utf8').trim();
  const failures = join(import.meta.dirname, '../../dist/fuzz');
  mkdirSync(failures, { recursive: true });
  const path = join(failures, `${target}-${seed}-${number}`);
  copyFileSync(join(folder, 'input'), path);
  return path;
}
