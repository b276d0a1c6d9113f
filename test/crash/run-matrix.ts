import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endHostsOfTheDead } from '../e2e/harness.ts';
import { cacheFolder } from '../lab/paths.ts';
import { baseline } from './baseline.ts';
import type { Baseline } from './baseline.ts';
import { damageCases } from './cases.ts';
import { numbers } from './draw.ts';
import type { GraphName } from './journal-places.ts';
import type { PageFacts, Row, Section } from './matrix-page.ts';
import { summary, writeRow } from './matrix-page.ts';
import { listPlaces } from './places.ts';
import { commitHash, sourceHash } from './source-hash.ts';
import { survive } from './survive.ts';
import type { Trial, Verdict } from './survive.ts';

/** Every trial of a graph's matrix: its places in their order, and the resumes over damage. */
export function trialsOf(graph: GraphName): Trial[] {
  const places = listPlaces(graph).map(({ id, kill }): Trial => ({ graph, id, kill, place: id }));
  return graph === 'upgrade' ? [...places, ...damageCases()] : places;
}

/** Kills at `count` instants of an undisturbed run's length, the same ones for the same seed. */
export function randomTrials(graph: GraphName, count: number, seed: string, { seconds }: Baseline): Trial[] {
  const source = numbers(seed);
  return Array.from({ length: count }, (_, index): Trial => {
    const afterMs = Math.round(source.next().value * seconds * 1000);
    const kill = index % 3 === 2 ? 'tree' : 'process';
    return { graph, id: `${seed}.${index + 1}`, kill, afterMs };
  });
}

export function pageFacts(): PageFacts {
  const ids = (graph: GraphName) => trialsOf(graph).map(({ id }) => id);
  return { hash: sourceHash(), places: { upgrade: ids('upgrade'), install: ids('install') } };
}

/** Writes what is known of a failure below the cache folder; gives the folder. */
export function keepEvidence(graph: GraphName, { id, problems, evidence }: Verdict): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const folder = join(
    cacheFolder,
    'crash',
    'failures',
    `${graph} ${id} ${stamp}`.replaceAll(/[^\w.]+/g, '-'),
  );
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ ...evidence, problems: problems.join('\n') })) {
    writeFileSync(join(folder, `${name.replaceAll(' ', '-')}.txt`), text);
  }
  return folder;
}

export interface MatrixRun {
  graph: GraphName;
  trials: readonly Trial[];
  section: Section;
  sideBySide: number;
  say: (line: string) => void;
}

/** Runs trials, so many hosts side by side, and writes the page after each. Goes on after one that did not survive. */
export async function runMatrix(options: MatrixRun): Promise<{ tried: number; survived: number }> {
  const { graph, trials, section, say } = options;
  await endHostsOfTheDead();
  const base = await baseline(graph);
  const facts = pageFacts();
  const commit = commitHash().slice(0, 8);
  const queue = [...trials];
  const counts = { tried: 0, survived: 0 };
  const worker = async () => {
    for (let trial = queue.shift(); trial !== undefined; trial = queue.shift()) {
      const verdict = await survive(trial, Promise.resolve(base));
      counts.tried += 1;
      const { id, kill, found, seconds, problems, processes } = verdict;
      const result = problems.length === 0 ? 'survived' : 'FAILED';
      if (result === 'survived') counts.survived += 1;
      say(
        `${result} ${counts.tried}/${trials.length} ${id} (${kill}, ${processes} killed, then ${seconds.toFixed(0)} s)`,
      );
      if (found !== '') say(`    found: ${found}`);
      for (const line of problems.slice(0, 40)) say(`    ${line}`);
      if (problems.length > 0) say(`    everything about it: ${keepEvidence(graph, verdict)}`);
      const row: Row = {
        place: id,
        kill,
        result,
        found: result === 'survived' ? found : (problems[0] ?? ''),
        seconds,
        date: new Date().toISOString().slice(0, 10),
        commit,
        hash: facts.hash,
      };
      // Sources that changed meanwhile: what ran is not what lies there, and no row may say so.
      if (sourceHash() !== facts.hash)
        throw new Error('the sources changed while the matrix ran: begin again');
      const matrix = await writeRow(section, row, facts);
      if (section === graph) say(`    ${graph}: ${summary(graph, matrix, facts)}`);
    }
  };
  // The other host is taken down before an error is told.
  const ended = await Promise.allSettled(Array.from({ length: options.sideBySide }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return counts;
}
