import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain } from '../../../src/errors.ts';
import { passedByRehearsal } from '../../crash/places.ts';
import { eventName, type HostEvent } from '../../fixtures/in-process-host/events.ts';
import { fullDiskFrom, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import {
  type Flow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace, rehearsed as product } from '../../fixtures/in-process-host/product.ts';

/**
 * A rehearsal, killed or without power at every place of its journal, around programs and around file
 * operations: the live database and what runs are as before, and whatever run comes next leaves nothing of
 * it. One event in `stride` is tried (IN_PROCESS_STRIDE=1 for all of them).
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 64);
const programStride = Math.ceil(stride / 4);
const placeStride = Math.ceil(stride / 32);

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start({}, product);
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push('Troll A-1', 'Troll A-2');
  installed = host.copy();
});
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const state = (): State => host.state() as State;

/** All that a rehearsal makes in the cluster and on the server. */
const left = () => [
  ...Object.keys(host.cluster.state.objects).filter((key) => key.includes('rehearsal')),
  ...Object.keys(host.cluster.state.database.beside ?? {}),
  ...Object.keys(host.cluster.state.database.roles ?? {}),
];

/** What runs, and what the state says of it. */
const production = () => ({
  pods: host.cluster
    .list('Pod', namespace)
    .filter(({ metadata }) => metadata.labels?.['app'] !== undefined)
    .map(({ metadata }) => metadata.uid),
  releases: host.cluster.list('Secret', namespace, 'owner=helm').map(({ metadata }) => metadata.uid),
  schema: host.cluster.state.database.schema,
  rows: host.cluster.state.database.rows,
  installed: state().installed,
});

/** Where it may be killed: all that were seen, and the worlds of one in `every`. */
async function worldsOf(
  wanted: (event: HostEvent) => boolean,
  { every = 1, offset = 0, powerCut = false } = {},
) {
  host.become(installed);
  const expected = structuredClone(production());
  const killed: { name: string; world: World }[] = [];
  const seen: string[] = [];
  const ended = await host.run('rehearse', (event) => {
    if (!wanted(event) || host.state()?.run?.flow !== 'rehearse') return undefined;
    if (seen.push(eventName(event)) % every === offset)
      killed.push({ name: eventName(event), world: host.copy({ powerCut }) });
    return undefined;
  });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(host.violations, []);
  return { killed, seen, expected };
}

/** What comes next, and what it ends with. */
const nexts: readonly { flow: Flow; version: string | undefined }[] = [
  { flow: 'rehearse', version: '2026.1' },
  { flow: 'upgrade', version: '2026.2' },
  { flow: 'uninstall', version: undefined },
];

async function assertCleared({
  killed,
  expected,
}: Pick<Awaited<ReturnType<typeof worldsOf>>, 'killed' | 'expected'>): Promise<void> {
  for (const [at, { name, world }] of killed.entries()) {
    host.become(world);
    assert.deepEqual({ name, ...production() }, { name, ...expected });
    const { flow, version } = nexts[at % nexts.length]!;
    const next = await host.run(flow, undefined, flow === 'uninstall' ? { keepData: true } : {});
    const what = `${name}, then ${flow}`;
    assert.equal(next.exitCode, 0, `${what}: ${said(next)}`);
    assert.deepEqual(host.violations, [], what);
    assert.deepEqual(left(), [], what);
    const started = next.shown.find((event) => event.type === 'run.started') as { resumed: boolean };
    assert.equal(started.resumed, false, what);
    assert.equal(host.state()?.installed?.version, version, what);
    if (flow === 'rehearse') assertWhole(what, expected);
  }
}

function assertWhole(what: string, expected: ReturnType<typeof production>): void {
  assert.deepEqual({ what, ...production() }, { what, ...expected });
  const { run, suspended, rehearsing, rehearsed, backups = [] } = state();
  assert.deepEqual(
    [run?.flow, run?.status, suspended, rehearsing, rehearsed?.passed],
    ['install', 'completed', undefined, undefined, true],
    what,
  );
  for (const { folder, pgDump } of backups) assert.ok(pgDump !== undefined && existsSync(folder), what);
}

const isPlace = ({ kind }: HostEvent) => kind === 'place';

test('killed at any place of the journal, the next run leaves nothing of it', async (t) => {
  const found = await worldsOf(isPlace);
  assert.ok(found.seen.length >= 12, found.seen.join(', '));
  for (const { id } of stepsOf.rehearse) {
    assert.ok(
      found.seen.some((name) => name.includes(`${id}:verified`)),
      id,
    );
  }
  // The lab kills at these. Written by `node --test --test-update-snapshots` of this file.
  const places = found.seen.filter((name) => name !== 'start');
  t.assert.fileSnapshot(places.join('\n'), passedByRehearsal, { serializers: [String] });
  await assertCleared(found);
  // Others of them with another one of the runs that may come next.
  await assertCleared({ ...found, killed: found.killed.slice(1).filter((_, at) => at % placeStride === 0) });
});

test('killed around any program, the next run leaves nothing of it', async () => {
  const found = await worldsOf(({ kind }) => kind === 'program', { every: programStride });
  assert.ok(found.seen.length >= 60, `${found.seen.length} places`);
  await assertCleared(found);
});

const isFile = (event: HostEvent) => event.kind === 'file' && !/\/state\.json[^/]*$/.test(event.path);

for (const powerCut of [false, true]) {
  const how = powerCut ? 'without power' : 'killed';
  test(`${how} around any file operation, the next run leaves nothing of it`, async () => {
    const found = await worldsOf(isFile, { powerCut, every: stride, offset: powerCut ? stride - 1 : 0 });
    assert.ok(found.seen.length >= 60, `${found.seen.length} places`);
    await assertCleared(found);
  });
}

test('stopped or disturbed at any place it removes what it has made, or the next run does', async () => {
  const { seen, expected } = await worldsOf(isPlace, { every: Infinity });
  const faults = [
    (place: string) => signalAt(place, 'SIGTERM'),
    noApiFrom,
    (place: string) => fullDiskFrom(place, { journal: false }),
  ];
  for (const [at, name] of seen.entries()) {
    host.become(installed);
    const place = name.replace(/^place /, '');
    const ended = await host.run('rehearse', faults[at % faults.length]!(place).watch);
    assert.ok([0, 3, 6, 143].includes(ended.exitCode), `${place}: exit ${ended.exitCode}, ${said(ended)}`);
    assert.deepEqual({ place, ...production() }, { place, ...expected });
    assert.equal(state().run?.flow === 'rehearse' && state().run?.status === 'completed', false);
    const next = await host.run('rehearse');
    assert.equal(next.exitCode, 0, `${place}: ${said(next)}`);
    assert.deepEqual(left(), [], place);
    assertWhole(place, expected);
    assert.ok(existsSync(join(host.folder, '.installer/backups')));
  }
});
