import { parseArgs } from 'node:util';
import { baseline } from '../test/crash/baseline.ts';
import type { GraphName } from '../test/crash/journal-places.ts';
import { readMatrix, summary } from '../test/crash/matrix-page.ts';
import { pageFacts, randomTrials, runMatrix, trialsOf } from '../test/crash/run-matrix.ts';

/** `npm run test:crash`: see docs/testing.md. */

const usage = `usage: npm run test:crash -- [--graph upgrade|install] [--place ID] [--from N] [--random N [--seed S]] [--hosts N] [--list]
  --graph    upgrade unless said otherwise
  --place    one place (upgrade_helm:running), or all of one step (upgrade_helm)
  --from     go on at the Nth place; 'stale': the places without a valid row
  --random   N random instants of an undisturbed run instead, drawn from --seed
  --hosts    side by side (default 2)
  --list     only list the places, and what docs/crash-matrix.md knows of them`;

function refuse(problem: string): never {
  console.error(`${problem}\n${usage}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    graph: { type: 'string', default: 'upgrade' },
    place: { type: 'string' },
    from: { type: 'string' },
    random: { type: 'string' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    hosts: { type: 'string', default: '2' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (values.graph !== 'upgrade' && values.graph !== 'install') refuse(`no graph "${values.graph}"`);
const graph: GraphName = values.graph;
const positive = (name: string, text: string): number => {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : refuse(`--${name} takes a number from 1 up`);
};

const facts = pageFacts();
const validRow = (id: string) =>
  readMatrix()[graph].find(({ place, hash }) => place === id && hash === facts.hash);

async function chosen() {
  if (values.random !== undefined) {
    return randomTrials(graph, positive('random', values.random), values.seed, await baseline(graph));
  }
  const all = trialsOf(graph);
  if (values.place !== undefined) {
    const found = all.filter(({ id }) => id === values.place || id.startsWith(`${values.place}:`));
    return found.length > 0 ? found : refuse(`no place "${values.place}"`);
  }
  if (values.from === 'stale') return all.filter(({ id }) => validRow(id) === undefined);
  return values.from === undefined ? all : all.slice(positive('from', values.from) - 1);
}

if (values.list) {
  for (const [index, { id, kill }] of trialsOf(graph).entries()) {
    console.log(
      `${String(index + 1).padStart(3)}  ${id} (${kill})  ${validRow(id)?.result ?? 'no valid row'}`,
    );
  }
} else {
  const counts = await runMatrix({
    graph,
    trials: await chosen(),
    section: values.random === undefined ? graph : `random ${graph}`,
    sideBySide: positive('hosts', values.hosts),
    say: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
  });
  console.log(`places tried ${counts.tried}, survived ${counts.survived}`);
  process.exitCode = counts.tried === counts.survived && counts.tried > 0 ? 0 : 1;
}
console.log(`${graph}: ${summary(graph, readMatrix(), facts)}`);
