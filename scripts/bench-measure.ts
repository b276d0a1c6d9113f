import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Measurement {
  ms: number;
  /** Most memory that the program held at once. */
  peakBytes: number;
}

const pollMs = 5;

/**
 * What sudo leaves of an environment, for all programs: variables of Node's would cost each start some time.
 */
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: process.env['LANG'] };

/** VmHWM is itself the peak so far: polling misses only what is taken in the last instant. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Runs a program to its end, its output thrown away. Throws when it fails. */
export function measure(argv: readonly string[]): Promise<Measurement> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    let said = '';
    let peakBytes = 0;
    const poll = setInterval(() => (peakBytes = Math.max(peakBytes, peakOf(child.pid ?? 0))), pollMs);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('error', reject);
    child.on('exit', (code) => {
      const ms = performance.now() - startedAt;
      clearInterval(poll);
      if (code === 0) resolve({ ms, peakBytes });
      else reject(new Error(`${argv.join(' ')} ended with ${code}: ${said}`));
    });
  });
}

export interface Series {
  medianMs: number;
  leastMs: number;
  mostMs: number;
  peakBytes: number;
}

/** Of at least one number. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}

export function seriesOf(measurements: readonly Measurement[]): Series {
  const times = measurements.map(({ ms }) => ms);
  return {
    medianMs: median(times),
    leastMs: Math.min(...times),
    mostMs: Math.max(...times),
    peakBytes: Math.max(...measurements.map(({ peakBytes }) => peakBytes)),
  };
}

export interface Contest {
  ours: () => Promise<Measurement>;
  reference: () => Promise<Measurement>;
  /** Makes both start from the same state, e.g. an empty page cache. */
  before?: () => Promise<unknown>;
}

/** One budget: what we do, beside what it is compared with. */
export interface Row extends Contest {
  work: string;
  against: string;
  budget: string;
  /** Takes milliseconds: measured more often. */
  startsOnly?: true;
  /** Why it cannot be measured on this machine. */
  missing?: string;
  keeps: (ours: Series, reference: Series) => boolean;
  /** The reference is no budget: it is what the work cannot do without, by itself. */
  isLimit?: true;
}

/** At most this many times as long as the reference. */
export const within = (limit: number) => (ours: Series, reference: Series) =>
  ours.medianMs <= limit * reference.medianMs;

/** Runs both in turns, so that whatever else the machine does falls on both. */
export async function contest({ ours, reference, before }: Contest, runs: number) {
  const measured = { ours: [] as Measurement[], reference: [] as Measurement[] };
  for (let run = 0; run < runs; run += 1) {
    await before?.();
    measured.reference.push(await reference());
    await before?.();
    measured.ours.push(await ours());
  }
  return { ours: seriesOf(measured.ours), reference: seriesOf(measured.reference) };
}
