import { differences } from '../e2e/fingerprint.ts';
import { checksumsOfDump } from '../e2e/database.ts';
import { withHost } from '../e2e/harness.ts';
import type { TestHost } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import type { Finished } from '../lab/process.ts';
import { goldenOf, placeMinutes, prepare } from './baseline.ts';
import type { Baseline } from './baseline.ts';
import type { GraphName } from './journal-places.ts';
import { commands, runAndKill, version } from './kill.ts';
import type { Aim, Killed } from './kill.ts';
import { outcome, secrets } from './outcome.ts';

/** A way to be cut off: where, and what happens before the command is typed again. */
export interface Trial extends Aim {
  /** Names the row: a place of the journal, or what is special. */
  id: string;
  /** While the first run goes on; ends with it. */
  beside?: (host: TestHost) => Promise<void>;
  /** Types the command again; default: types it and waits for its end. */
  again?: (host: TestHost, graph: GraphName) => Promise<Again>;
}

export interface Again extends Finished {
  /** What did not go as it must, beside the end. */
  problems?: string[];
}

const typeAgain = (host: TestHost, graph: GraphName): Promise<Again> =>
  host.ivaap(version, commands[graph], { timeoutMs: 400_000 });

export interface Verdict {
  id: string;
  kill: Aim['kill'];
  /** How many processes were killed. */
  processes: number;
  /** What the second run said about the first. */
  found: string;
  /** Of the second run. */
  seconds: number;
  /** Empty when it survived. */
  problems: string[];
  /** Everything that helps to understand a failure. */
  evidence: Record<string, string>;
}

/** A run that was faster than the killer is killed anew on a fresh host. */
const attempts = 4;

/** Kills the command as the trial says, types it again on the same host, and compares what is there with an undisturbed run's. */
export async function survive(trial: Trial, base: Baseline): Promise<Verdict> {
  for (let attempt = 1; ; attempt += 1) {
    const verdict = await withHost(goldenOf[trial.graph], placeMinutes, (host) => once(host, trial, base));
    if (verdict !== undefined) return verdict;
    if (attempt < attempts) continue;
    return {
      id: trial.id,
      kill: trial.kill,
      processes: 0,
      found: '',
      seconds: 0,
      problems: [`not hit in ${attempts} attempts: no SIGKILL while the journal named it`],
      evidence: {},
    };
  }
}

const text = ({ code, signal, stdout, stderr }: Finished) =>
  `exit ${code ?? signal}\nstdout:\n${stdout}\nstderr:\n${stderr}`;

/** Undefined when the kill missed its place. */
async function once(host: TestHost, trial: Trial, base: Baseline): Promise<Verdict | undefined> {
  const { graph } = trial;
  await prepare(host, graph);
  const beside = trial.beside?.(host);
  const killed = await runAndKill(host, trial);
  await beside;
  if (!killed.hit) return undefined;
  const kept = graph === 'install' ? await secrets(host) : [];
  const begun = performance.now();
  const again = await (trial.again ?? typeAgain)(host, graph);
  const seconds = (performance.now() - begun) / 1000;
  const evidence = {
    'first run': text(killed.run),
    'journal after the kill': JSON.stringify(killed.state, null, 2),
    'second run': text(again),
  };
  const problems = await judge(host, trial, killed, again, kept, base).catch((error: unknown) => [
    error instanceof Error ? error.message : String(error),
  ]);
  const { id, kill } = trial;
  const found = resumeWords(again.stdout);
  return { id, kill, processes: killed.processes, found, seconds, problems, evidence };
}

async function judge(
  host: TestHost,
  { graph }: Trial,
  killed: Killed,
  again: Again,
  kept: readonly string[],
  base: Baseline,
): Promise<string[]> {
  // A kill after the run's last word leaves nothing to do.
  const wasDone = killed.state?.run?.flow === graph && killed.state.run.status === 'completed';
  const expected = wasDone && graph === 'upgrade' ? 10 : 0;
  if (again.code !== expected && !(wasDone && graph === 'install')) {
    return [`the same command again ended with ${again.code ?? again.signal}, not ${expected}`];
  }
  const problems = [...(again.problems ?? []), ...differenceLines(base.outcome, await outcome(host, graph))];
  const now = await secrets(host);
  problems.push(
    ...kept.filter((line) => !now.includes(line)).map((line) => `- ${line} (as it was at the kill)`),
  );
  if (graph === 'upgrade') problems.push(...(await anchorProblems(host, base)));
  return problems;
}

/** The dump from before Helm must bring back what was there before the first run. */
async function anchorProblems(host: TestHost, base: Baseline): Promise<string[]> {
  const { anchors, run } = await readState(host);
  const dump = anchors[run?.from ?? '']?.derived['pgDump'] as { path: string } | undefined;
  if (dump === undefined) return ['there is no anchor dump'];
  const restored = await checksumsOfDump(host, dump.path);
  const lines = (tables: Record<string, string>) =>
    Object.entries(tables).map(([table, sum]) => `${table}: ${sum}`);
  return differenceLines(lines(base.tables), lines(restored)).map(
    (line) => `anchor dump ${dump.path}: ${line}`,
  );
}

const differenceLines = (was: readonly string[], is: readonly string[]) =>
  differences(was, is)
    .split('\n')
    .filter((line) => line !== '');

/** The lines in which a run tells what it found of an earlier one. */
function resumeWords(stdout: string): string {
  const lines = stdout.split('\n').filter((line) => /going on|cut off|waits? for|earlier attempt/.test(line));
  return lines.map((line) => line.replace(/^\S+Z\s+/, '').trim()).join(' / ');
}
