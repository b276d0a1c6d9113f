import type { State } from '../../src/engine/state.ts';
import { checksumsOfDump, tableChecksums } from '../e2e/database.ts';
import { differences } from '../e2e/fingerprint.ts';
import type { TestHost } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import type { Baseline } from '../crash/baseline.ts';
import { outcome } from '../crash/outcome.ts';

interface Dump {
  path: string;
  sha256: string;
}

const lines = (tables: Record<string, string>) =>
  Object.entries(tables).map(([table, sum]) => `table ${table}: ${sum}`);
const changes = (before: readonly string[], after: readonly string[]) =>
  differences(before, after)
    .split('\n')
    .filter((line) => line !== '');

/** What a host had before the first fault, and whether it is still there. */
export class Before {
  readonly #tables: Record<string, string>;
  readonly #wells: number;

  private constructor(tables: Record<string, string>, wells: number) {
    this.#tables = tables;
    this.#wells = wells;
  }

  static async read(host: TestHost): Promise<Before> {
    return new Before(await tableChecksums(host), Number(await host.sql(countOfWells)));
  }

  /**
   * After a fault: nothing lost, nothing half-written under its real name. A killed run may leave unfinished
   * files.
   */
  async problems(host: TestHost, killed: boolean): Promise<string[]> {
    // Of a disk that was full PostgreSQL itself may start again in the middle of an answer.
    await host.until('the database answers in full', 120, () => tableChecksums(host));
    const state = await readState(host);
    const problems = [
      ...(await this.#lostRows(host, state)),
      ...(await brokenDumps(host, state)),
      ...(killed ? [] : await leftovers(host)),
    ];
    if (state.installed?.version !== '2026.1') {
      problems.push(`the state says that ${state.installed?.version} is installed`);
    }
    return problems;
  }

  async problemsAtTheEnd(host: TestHost, base: Baseline): Promise<string[]> {
    const state = await readState(host);
    return [
      ...changes(base.outcome, await outcome(host, 'upgrade')),
      ...(await this.#lostRows(host, state)),
      ...(await brokenDumps(host, state)),
      ...(await this.#anchor(host, state)),
    ];
  }

  async #lostRows(host: TestHost, { run }: State): Promise<string[]> {
    const wells = Number(await host.sql(countOfWells));
    if (wells !== this.#wells) return [`${wells} wells of ${this.#wells}`];
    // The release migrates them from here on; the end is compared with an undisturbed run's.
    if (run?.pointOfNoReturn !== undefined) return [];
    return changes(lines(this.#tables), lines(await tableChecksums(host)));
  }

  async #anchor(host: TestHost, { anchors }: State): Promise<string[]> {
    const dump = anchors['2026.1']?.derived['pgDump'] as Dump | undefined;
    if (dump === undefined) return ['there is no anchor dump'];
    return changes(lines(this.#tables), lines(await checksumsOfDump(host, dump.path)));
  }
}

const countOfWells = 'SELECT count(*) FROM wells';

/** Each dump under its real name is complete, and those that the state names are as they were recorded. */
async function brokenDumps(host: TestHost, state: State): Promise<string[]> {
  const { stdout } = await host.shell(`
    for dump in /opt/ivaap/.installer/backups/*/ivaapdb.sql; do
      [ -e "$dump" ] || continue
      tail -c 300 "$dump" | grep -q 'PostgreSQL database dump complete' || echo "$dump has no end"
    done`);
  const problems = stdout.split('\n').filter((line) => line !== '');
  const recorded = [state.derived['pgDump'], state.anchors['2026.1']?.derived['pgDump']] as (
    | Dump
    | undefined
  )[];
  for (const dump of recorded) {
    if (dump === undefined) continue;
    const { stdout: sum } = await host.run(['sha256sum', dump.path]);
    if (!sum.startsWith(dump.sha256)) problems.push(`${dump.path} is not as it was recorded: ${sum}`);
  }
  return problems;
}

/** A run that ended by itself leaves no unfinished file, no work folder and no program. */
async function leftovers(host: TestHost): Promise<string[]> {
  const { stdout } = await host.shell(String.raw`
    find /opt/ivaap -path /opt/ivaap/postgres -prune -o -name '*.partial' -print
    find /opt/ivaap/.installer/work -print 2>/dev/null || true
    for p in /proc/[0-9]*; do readlink $p/exe; done 2>/dev/null | grep -E '/opt/ivaap/|/ivaap$' || true`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `left behind: ${line}`);
}
