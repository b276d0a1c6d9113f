import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endHostsOfTheDead } from '../e2e/harness.ts';
import { cacheFolder } from '../lab/paths.ts';
import { keeper } from '../proofs/memory.ts';
import { summary } from '../proofs/page.ts';
import { alone } from '../proofs/proof.ts';
import type { Proof } from '../proofs/proof.ts';
import { sourceHash } from '../proofs/sources.ts';
import { baseline } from './baseline.ts';
import type { Baseline } from './baseline.ts';
import { crashPage, sections, validRows } from './crash-page.ts';
import type { GraphName } from './journal-places.ts';
import { survive } from './survive.ts';
import type { Trial, Verdict } from './survive.ts';
import { trialsOf } from './trials.ts';

/**
 * Kills the command of a graph as each trial says, and types it again; `random` trials have a part of their
 * own in the page.
 */
export function crashProof(
  graph: GraphName,
  trials: readonly Trial[],
  kind: 'places' | 'random' = 'places',
): Proof<Trial, Verdict> {
  const page = crashPage();
  const title = sections[kind === 'places' ? graph : (`random ${graph}` as const)];
  const keep = keeper(page, title);
  const known = validRows(graph);
  const all = trialsOf(graph);
  let base: Promise<Baseline> | undefined;
  return {
    terms: page.terms,
    groups: alone(trials),
    about: ({ id, kill }) => {
      const row = known.get(id);
      const result = row === undefined ? 'no valid row' : row.passed ? page.terms.passed : 'FAILED';
      return `${String(all.findIndex((each) => each.id === id) + 1).padStart(3)}  ${id} (${kill})  ${result}`;
    },
    async attempt({ cases: [trial] }, say) {
      if (trial === undefined) return [];
      base ??= endHostsOfTheDead().then(() => baseline(graph));
      const verdict = await survive(trial, base);
      const { id, kill, found, seconds, problems, processes } = verdict;
      const result = problems.length === 0 ? page.terms.passed : 'FAILED';
      say(`${result} ${id} (${kill}, ${processes} killed, then ${seconds.toFixed(0)} s)`);
      if (found !== '') say(`    found: ${found}`);
      for (const line of problems.slice(0, 40)) say(`    ${line}`);
      return [problems.length === 0 ? verdict : { ...verdict, evidence: keepEvidence(graph, verdict) }];
    },
    async keep(verdicts, say) {
      const rows = await keep(
        verdicts.map(({ id, kill, found, seconds, problems }) => {
          const passed = problems.length === 0;
          const cells = { killed: kill, 'what the next run found': passed ? found : (problems[0] ?? '') };
          return { id, cells, passed, seconds };
        }),
      );
      const section = page.sections.find((each) => each.title === title);
      if (section?.ids !== undefined) say(`    ${graph}: ${summary(page, section, rows, sourceHash())}`);
    },
  };
}

/**
 * Writes what is known of a failure below the cache folder, and says where and what the second run ended
 * with.
 */
function keepEvidence(graph: GraphName, { id, problems, texts }: Verdict): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const name = `${graph} ${id} ${stamp}`.replaceAll(/[^\w.]+/g, '-');
  const folder = join(cacheFolder, 'crash', 'failures', name);
  mkdirSync(folder, { recursive: true });
  for (const [what, text] of Object.entries({ ...texts, problems: problems.join('\n') })) {
    writeFileSync(join(folder, `${what.replaceAll(' ', '-')}.txt`), text);
  }
  return `second run: ${texts['second run']?.slice(-6000) ?? 'none'}\neverything about it: ${folder}`;
}
