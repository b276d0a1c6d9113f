import { baseline } from '../test/crash/baseline.ts';
import { validRows } from '../test/crash/crash-page.ts';
import { crashProof } from '../test/crash/crash-proof.ts';
import { type GraphName, graphNames } from '../test/crash/journal-places.ts';
import { randomTrials, trialsOf } from '../test/crash/trials.ts';
import { carryOut, readFlags } from '../test/proofs/command.ts';

/** `npm run test:crash`: see docs/testing.md. */

const usage = `usage: npm run test:crash -- [FLAGS]
  --graph      upgrade (unless said otherwise), install, rollback, uninstall, restore or rehearse
  --place ID   one place (upgrade_helm:running), or all of one step (upgrade_helm)
  --from N     continue at the Nth place; 'stale' is --left
  --left       the places that have not survived with today's sources
  --random N   N random instants of an undisturbed run instead, drawn from --seed
  --hosts N    in parallel (default 2)`;

const { values, refuse, numberOf } = readFlags(usage, {
  graph: { type: 'string', default: 'upgrade' },
  place: { type: 'string' },
  from: { type: 'string' },
  left: { type: 'boolean', default: false },
  random: { type: 'string' },
  hosts: { type: 'string', default: '2' },
});
const { graph, place, from, left, random } = values;
if (!isGraph(graph)) throw refuse(`no graph "${graph}"`);

function isGraph(name: string): name is GraphName {
  return (graphNames as readonly string[]).includes(name);
}

function chosen(graph: GraphName) {
  const all = trialsOf(graph);
  if (place !== undefined) {
    const found = all.filter(({ id }) => id === place || id.startsWith(`${place}:`));
    return found.length > 0 ? found : refuse(`no place "${place}"`);
  }
  if (left || from === 'stale') {
    const known = validRows(graph);
    return all.filter(({ id }) => known.get(id)?.passed !== true);
  }
  return from === undefined ? all : all.slice(numberOf('from', from) - 1);
}

const proof =
  random === undefined
    ? crashProof(graph, chosen(graph))
    : crashProof(
        graph,
        randomTrials(graph, numberOf('random', random), values.seed, await baseline(graph)),
        'random',
      );
await carryOut(proof, values, numberOf('hosts', values.hosts));
