import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withHost } from '../e2e/harness.ts';
import { until } from '../lab/process.ts';
import type { Playing, Unpacked } from './control-machine.ts';
import { play } from './control-machine.ts';
import { makeKey, SshHost } from './ssh-host.ts';

/** A line of hosts.jsonl. */
interface ReportLine {
  host: string;
  outcome: string;
  before: string | null;
  after: string | null;
  target: string | null;
  exitCode: number | null;
  code: string | null;
  message: string | null;
  hint: string | null;
  failedChecks: string[];
  log: string | null;
}

interface ControlMachine {
  programs: Unpacked;
  /** Keys, inventory and reports of this run. */
  folder: string;
}

/** How long all plays of one fleet may take, and how long a play may take to reach a point. */
const limitMinutes = 34;
const playSeconds = 600;

/**
 * Runs `work` with hosts that have 2026.1 and an sshd. They are started one after the other, and taken down
 * in every case.
 */
export async function withFleet(
  names: readonly string[],
  machine: ControlMachine,
  work: (hosts: SshHost[]) => Promise<void>,
): Promise<void> {
  await makeKey(machine.programs, join(machine.folder, 'operator'));
  const started: SshHost[] = [];
  const next = async (): Promise<void> => {
    const name = names[started.length];
    if (name === undefined) return work(started);
    await withHost('installed-2026.1', limitMinutes, async (host) => {
      const sshHost = new SshHost(name, host, machine.programs);
      await sshHost.begin(machine.folder);
      started.push(sshHost);
      await next();
    });
  };
  await next();
}

/** The hosts as Ansible sees them, and the reports of its plays, each in a folder of its own. */
export class Fleet {
  readonly #machine: ControlMachine;
  readonly #file: string;

  constructor(hosts: readonly SshHost[], { file, ...machine }: ControlMachine & { file: string }) {
    this.#machine = machine;
    this.#file = file;
    const lines = hosts.map((host) => [host.name, host.inventory(machine.folder)]);
    const inventory = JSON.stringify({ all: { hosts: Object.fromEntries(lines) } }, undefined, 2);
    writeFileSync(join(machine.folder, 'hosts.json'), inventory);
  }

  /** Plays docs/fleet/upgrade.yml; `report` names the folder of its report. */
  play(report: string, args: readonly string[] = []): Playing {
    const { programs, folder } = this.#machine;
    const settings = {
      ivaap_file: this.#file,
      ivaap_report_folder: join(folder, report),
      ivaap_poll_seconds: 2,
    };
    // One host after the other: three preflights at once are slower than their limits on two cores.
    const fixed = ['--forks', '1', '-i', join(folder, 'hosts.json'), '-e', JSON.stringify(settings)];
    return play(programs, folder, [...fixed, ...args]);
  }

  report(name: string): ReportLine[] {
    const path = join(this.#machine.folder, name, 'hosts.jsonl');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as ReportLine);
  }

  line(name: string, host: string): ReportLine {
    const found = this.report(name).find((line) => line.host === host);
    if (found === undefined) throw new Error(`the report "${name}" has no line of ${host}`);
    return found;
  }

  /** Host -> outcome. */
  outcomes(name: string): Record<string, string> {
    return Object.fromEntries(this.report(name).map(({ host, outcome }) => [host, outcome]));
  }

  summary(name: string): string {
    return readFileSync(join(this.#machine.folder, name, 'summary.txt'), 'utf8');
  }

  until(what: string, question: () => boolean): Promise<true> {
    return until(
      playSeconds * 1000,
      () => question() || undefined,
      () => `${what}: not within ${playSeconds} s`,
    );
  }
}
