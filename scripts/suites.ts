interface Suite {
  limitMinutes: number;
  concurrency: number;
  hostsInMemory?: true;
}

/**
 * The suites as data. `scripts/run-suite.ts` runs one; `scripts/test` runs all of them in this order.
 * `limitMinutes`: after that a suite is called hanging, says so and ends. `concurrency`: test files in
 * parallel. `hostsInMemory`: the simulated hosts lie in memory, not on the disk whose fsync they wait for.
 */
export const suites = {
  unit: { limitMinutes: 12, concurrency: 2 },
  integration: { limitMinutes: 40, concurrency: 2, hostsInMemory: true },
  damage: { limitMinutes: 4, concurrency: 1 },
  fuzz: { limitMinutes: 4, concurrency: 1 },
  lab: { limitMinutes: 15, concurrency: 1 },
  e2e: { limitMinutes: 40, concurrency: 3 },
  crash: { limitMinutes: 20, concurrency: 1 },
  faults: { limitMinutes: 15, concurrency: 1 },
} as const satisfies Record<string, Suite>;

/** Below a suite's folder: files of minutes, of which one is drawn for each commit. */
export const drawnFolder = '/drawn/';

export type SuiteName = keyof typeof suites;

export interface Counts {
  passed: number;
  failed: number;
}

/** The one closing line that every suite prints, and the only thing that is read of it. */
export function closingLine(name: string, { passed, failed }: Counts): string {
  return `${name}: ${passed} passed, ${failed} failed`;
}

/** The counts in a suite's output; undefined where it ended without its closing line. */
export function readClosingLine(name: string, output: string): Counts | undefined {
  const matches = [...output.matchAll(new RegExp(`^${name}: (\\d+) passed, (\\d+) failed$`, 'gm'))];
  const last = matches.at(-1);
  return last === undefined ? undefined : { passed: Number(last[1]), failed: Number(last[2]) };
}

const mostLines = 60;

/**
 * What a suite that failed says of its failures, to be said again at the end of a long run, whose middle a
 * log may lack: from node:test's list of failing tests on, or the last lines where there is no such list. At
 * most 60 lines.
 */
export function failuresIn(output: string): string {
  const lines = output.trimEnd().split('\n');
  const list = lines.findLastIndex((line) => line.trim() === '✖ failing tests:');
  return (list === -1 ? lines.slice(-mostLines) : lines.slice(list, list + mostLines)).join('\n');
}
