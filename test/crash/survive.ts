import { differences } from '../e2e/fingerprint.ts';
import { checksumsOfDump, tableChecksums } from '../e2e/database.ts';
import { withHost } from '../e2e/harness.ts';
import type { TestHost } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import type { Finished } from '../lab/process.ts';
import type { Verdict as ProofVerdict } from '../proofs/proof.ts';
import { goldenOf, outcomeOf, placeMinutes, prepare } from './baseline.ts';
import type { Baseline } from './baseline.ts';
import type { GraphName } from './journal-places.ts';
import { commands, runAndKill, versions } from './kill.ts';
import type { Aim, Killed } from './kill.ts';
import { secrets } from './outcome.ts';
import { productionLines } from './rehearsed.ts';
import { tablesIn, tableLines } from './restored.ts';
import { uninstalled } from './uninstalled.ts';

/** A way to be cut off: where, and what happens before the command is typed again. */
export interface Trial extends Aim {
  /** Names the row: a place of the journal, or what is special. */
  id: string;
  /** Used while the first run is under way; ends with it. */
  beside?: (host: TestHost) => Promise<undefined>;
  /** Types the command again; default: types it and waits for its end. */
  again?: (host: TestHost, graph: GraphName) => Promise<Again>;
}

export interface Again extends Finished {
  /** What did not go as it must, beside the end. */
  problems?: string[];
}

const typeAgain = (host: TestHost, graph: GraphName): Promise<Again> =>
  host.ivaap(versions[graph], commands[graph], { timeoutMs: 400_000 });

export interface Verdict extends ProofVerdict {
  kill: Aim['kill'];
  /** How many processes were killed. */
  processes: number;
  /** What the second run said about the first. */
  found: string;
  /** Of the second run. */
  seconds: number;
  /** The run was faster than the killer, and took so many seconds: nothing is known. */
  missed?: number;
  /** Output of both runs and the journal between them. */
  texts: Record<string, string>;
}

/** A run that was faster than the killer is killed again on a fresh host. */
const attempts = 4;

/**
 * Kills the command as the trial says, types it again on the same host, and compares what is there with an
 * undisturbed run's (which may continue meanwhile).
 */
export async function survive(trial: Trial, base: Promise<Baseline>): Promise<Verdict> {
  let aimed = trial;
  for (let attempt = 1; ; attempt += 1) {
    let hit = false;
    const verdict = await withHost(goldenOf[trial.graph], placeMinutes, (host) =>
      once(host, aimed, base, () => (hit = true)),
    ).catch((error: Error): Verdict => unknown(aimed, error, hit));
    const { missed } = verdict;
    if (missed === undefined || attempt === attempts) return verdict;
    if (trial.place === undefined && missed > 0) aimed = sooner(trial, attempt, missed, await base);
  }
}

/** The same share of a run as fast as the one that was missed, and less with each attempt: load changes. */
const sooner = (trial: Trial, attempt: number, missed: number, { seconds }: Baseline): Trial => ({
  ...trial,
  afterMs: ((trial.afterMs ?? 0) / seconds) * missed * 0.8 ** attempt,
});

/** A host that does not come up says nothing about the run, what goes wrong after the kill does. */
function unknown({ id, kill }: Trial, error: Error, hit: boolean): Verdict {
  const problems = [error.stack ?? error.message];
  const verdict = { id, kill, processes: 0, found: '', seconds: 0, problems, texts: {} };
  return hit ? verdict : { ...verdict, missed: 0 };
}

const text = ({ code, signal, stdout, stderr }: Finished) =>
  `exit ${code ?? signal}\nstdout:\n${stdout}\nstderr:\n${stderr}`;

async function once(
  host: TestHost,
  trial: Trial,
  base: Promise<Baseline>,
  onHit: () => void,
): Promise<Verdict> {
  const { graph, id, kill } = trial;
  await prepare(host, graph);
  const untouched = graph === 'rehearse' ? await productionLines(host) : [];
  // One that fails lets the run be missed or end by itself, which is reported then.
  const beside = trial.beside?.(host).catch((error: Error) => error.message);
  const killed = await runAndKill(host, trial);
  const problem = (await beside) ?? '';
  const journal = JSON.stringify(killed.state ?? 'none', null, 2);
  const about = { id, kill, processes: killed.processes };
  if (!killed.hit) {
    const end = killed.died ? 'SIGKILL' : `exit ${killed.run.code}`;
    return {
      ...about,
      // A run that ended badly by itself would do so again.
      ...(killed.died || killed.run.code === 0 ? { missed: killed.seconds } : {}),
      found: '',
      seconds: 0,
      problems: [
        `not hit: the run ended with ${end}, its journal at ` +
          `${killed.places.join(', ') || 'no place'} ${problem}`,
      ],
      texts: { 'first run': text(killed.run), 'journal after the kill': journal },
    };
  }
  onHit();
  const atKill: AtKill = {
    secrets: graph === 'install' ? await secrets(host) : [],
    live: graph === 'restore' ? tableLines(await liveTables(host)) : [],
    untouched,
    touched: graph === 'rehearse' ? differenceLines(untouched, await productionLines(host)) : [],
  };
  const startedAt = performance.now();
  const again = await (trial.again ?? typeAgain)(host, graph);
  const seconds = (performance.now() - startedAt) / 1000;
  const texts = {
    'first run': text(killed.run),
    'journal after the kill': journal,
    'second run': text(again),
  };
  const problems = await judge(host, trial, { ...killed, ...atKill }, again, await base).catch(
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );
  const instant =
    trial.place === undefined
      ? `at ${((trial.afterMs ?? 0) / 1000).toFixed(2)} s, journal: ` +
        `${killed.places.join(', ') || 'nothing yet'}; `
      : '';
  const found = instant + resumeText(again.stdout);
  return { ...about, found, seconds, problems, texts };
}

/** What the kill left. */
interface AtKill {
  secrets: readonly string[];
  /** Tables of the live database. */
  live: readonly string[];
  /** Of a rehearsal: what ran before it. */
  untouched: readonly string[];
  /** What of that was another one at the kill. */
  touched: readonly string[];
}

async function judge(
  host: TestHost,
  { graph }: Trial,
  killed: Killed & AtKill,
  again: Again,
  base: Baseline,
): Promise<string[]> {
  if (graph === 'uninstall') return judgeUninstall(host, killed, again, base);
  // A kill after the run's last word leaves nothing to do.
  const wasDone = hasEnded(killed.state, graph);
  const expected = wasDone && graph !== 'install' ? 10 : 0;
  if (again.code !== expected && !(wasDone && graph === 'install')) {
    const end = `the same command again ended with ${again.code ?? again.signal}, not ${expected}`;
    return [end, ...(again.problems ?? [])];
  }
  const problems = [
    ...(again.problems ?? []),
    ...differenceLines(base.outcome, await outcomeOf(graph)(host)),
  ];
  const now = await secrets(host);
  problems.push(
    ...killed.secrets
      .filter((line) => !now.includes(line))
      .map((line) => `- ${line} (as it was at the kill)`),
  );
  if (graph === 'upgrade') problems.push(...(await anchorProblems(host, base)));
  if (graph === 'restore') problems.push(...(await restoreProblems(host, killed.live, base)));
  if (graph === 'rehearse') problems.push(...(await rehearsalProblems(host, killed)));
  return problems;
}

/** Killed at its very end it leaves nothing to do, which exit 10 says. */
async function judgeUninstall(
  host: TestHost,
  { state }: Killed,
  again: Again,
  base: Baseline,
): Promise<string[]> {
  const wasDone = state === undefined || state.run?.status === 'completed';
  if (again.code !== 0 && !(wasDone && again.code === 10))
    return [`the same command again ended with ${again.code ?? again.signal}`];
  return [...(again.problems ?? []), ...differenceLines(base.outcome, await uninstalled(host))];
}

/** A swap that a killed run has begun may end the session that asks. */
const liveTables = (host: TestHost) =>
  host.until('the database answers', 60, () => tableChecksums(host).catch(() => undefined));

/**
 * A rollback that has ended leaves the record of the install, which names it. A rehearsal is made anew each
 * time.
 */
function hasEnded(state: Killed['state'], graph: Trial['graph']): boolean {
  if (graph === 'rollback') return state?.suspended === undefined && state?.run?.rollbacks !== undefined;
  return state?.run?.flow === graph && state.run.status === 'completed';
}

/** The dump from before Helm must bring back what was there before the first run. */
async function anchorProblems(host: TestHost, base: Baseline): Promise<string[]> {
  const { anchors, run } = await readState(host);
  const dump = anchors[run?.from ?? '']?.derived['pgDump'] as { path: string } | undefined;
  if (dump === undefined) return ['there is no anchor dump'];
  const restored = await checksumsOfDump(host, dump.path);
  return differenceLines(tableLines(base.tables), tableLines(restored)).map(
    (line) => `anchor dump ${dump.path}: ${line}`,
  );
}

/**
 * At the kill one of the two whole databases was the live one; in the end the dump that was asked for is, and
 * the other one is in the dump that the restore has taken.
 */
async function restoreProblems(host: TestHost, live: readonly string[], base: Baseline): Promise<string[]> {
  const { restored } = await readState(host);
  const [asked, before] = [restored?.dump?.['path'], restored?.pgDump?.['path']];
  if (typeof asked !== 'string' || typeof before !== 'string') return ['the state names no dump'];
  const whole = tableLines(await checksumsOfDump(host, asked));
  const was = tableLines(base.tables);
  const isWhole = [was, whole].some((one) => differenceLines(one, live).length === 0);
  return [
    ...(isWhole ? [] : ['the live database at the kill was neither of the two:', ...live]),
    ...differenceLines(whole, tablesIn(base.outcome, 'ivaapdb')).map((line) => `restored: ${line}`),
    ...differenceLines(was, tablesIn(base.outcome, 'ivaapdb_moved_TIME')).map((line) => `moved: ${line}`),
    ...differenceLines(was, tableLines(await checksumsOfDump(host, before))).map(
      (line) => `dump of before ${before}: ${line}`,
    ),
  ];
}

/** Nothing that runs may be another one, neither at the kill nor in the end. */
async function rehearsalProblems(host: TestHost, { untouched, touched }: AtKill): Promise<string[]> {
  const now = differenceLines(untouched, await productionLines(host));
  return [
    ...touched.map((line) => `changed at the kill: ${line}`),
    ...now.map((line) => `changed in the end: ${line}`),
  ];
}

const differenceLines = (was: readonly string[], is: readonly string[]) =>
  differences(was, is)
    .split('\n')
    .filter((line) => line !== '');

/** The lines in which a run prints what it found of an earlier one. */
function resumeText(stdout: string): string {
  const lines = stdout.split('\n').map((line) => line.replace(/^\S+Z\s+/, '').trim());
  const told = lines.filter(
    (line) =>
      /cut off in|failed in|left of an earlier|runs again:|point of no return|orphaned-helm|waits? for/.test(
        line,
      ) && !/^(ok|warn|FAIL|waived) /.test(line),
  );
  return told.join(' / ');
}
