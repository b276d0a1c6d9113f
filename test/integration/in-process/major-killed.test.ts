import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import type { HaltedBy } from '../../../src/release/halt.ts';
import { eventName, type HostEvent } from '../../fixtures/in-process-host/events.ts';
import { outages, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { outcome as outcomeOf } from '../../fixtures/in-process-host/outcome.ts';
import { goesToOtherMajor, namespace } from '../../fixtures/in-process-host/product.ts';
import { dataOf, liveData } from '../../fixtures/in-process-host/servers.ts';

/**
 * An upgrade that takes the data to another major version of PostgreSQL, killed at every place of its
 * journal, around programs and around file operations: typed again it ends as an undisturbed one; `restore`
 * in its place ends on the old data folder with the old release, or has nothing to take back. The old folder
 * is there at every instant, with every row. One operation in `stride` is tried (IN_PROCESS_STRIDE=1 for all
 * of them).
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 256);
const programStride = Math.ceil(stride / 16);
const placeStride = Math.ceil(stride / 64);

let host: SimulatedHost;
let installed: World;
let upgraded: World;
const then = ['Troll A-1', 'Troll A-2'];
const later = 'Gullfaks A-1';

before(async () => {
  host = await SimulatedHost.start({}, goesToOtherMajor);
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...then);
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  liveData(host.cluster).rows.push(later);
  upgraded = host.copy();
});
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');

/** Data folders by what their names say, with the major version and the rows of what lies there. */
function folders(): Record<string, unknown> {
  const names = readdirSync(host.root).filter((name) => name.startsWith('storage'));
  return Object.fromEntries(
    names.map((name) => {
      const path = join(host.root, name);
      const version = join(path, 'pgdata/PG_VERSION');
      const major = existsSync(version) ? Number(readFileSync(version, 'utf8')) : null;
      const { schema, rows } = major === null ? { schema: null, rows: null } : dataOf(host.cluster, path);
      return [name.replace(/\d{8}T\d{6}Z/, 'TIME'), { major, schema, rows }];
    }),
  );
}

const image = (app: string) => host.cluster.imageTags(namespace, `app=${app}`);

const now = () => ({
  installed: host.state()?.installed?.version,
  pods: [...image('db'), ...image('server')],
  others: host.cluster.list('Pod', namespace).length - 2,
  folders: folders(),
});

const old = { major: 15, schema: 1, rows: then };
const fresh = { major: 17, schema: 2, rows: then };
const asBefore = { installed: '2026.1', pods: ['2026.1', '2026.1'], others: 0, folders: { storage: old } };
const asAfter = {
  installed: '2026.2',
  pods: ['2026.2', '2026.2'],
  others: 0,
  folders: { storage: fresh, 'storage.pg15-TIME': old },
};

/** As undisturbed: names with times aside. */
function outcome() {
  const { database: _, data: __, latest: ___, ...rest } = outcomeOf(host);
  return { ...rest, ...now(), folders: Object.keys(folders()) };
}

async function worldsOf(
  wanted: (event: HostEvent) => boolean,
  { tried = () => true, ...how }: { powerCut?: boolean; tried?: (at: number) => boolean } = {},
) {
  host.become(installed);
  const killed: { name: string; world: World }[] = [];
  let seen = 0;
  const ended = await host.run('upgrade', (event) => {
    if (wanted(event) && host.state()?.run?.status !== 'completed' && tried(seen++))
      killed.push({ name: eventName(event), world: host.copy(how) });
    return undefined;
  });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(host.violations, []);
  assert.deepEqual(now(), asAfter);
  return { killed, seen, expected: structuredClone(outcome()) };
}

/** Whatever was done to it, the folder of before is there with all that it held. */
function assertOldIsThere(name: string): void {
  const found = Object.values(folders()).filter((one) => JSON.stringify(one) === JSON.stringify(old));
  assert.equal(found.length, 1, `${name}: ${JSON.stringify(folders())}`);
}

async function assertEnds({
  killed,
  expected,
}: Pick<Awaited<ReturnType<typeof worldsOf>>, 'killed' | 'expected'>): Promise<void> {
  for (const { name, world } of killed) {
    host.become(world);
    assertOldIsThere(name);
    const again = await host.run('upgrade');
    assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
    assert.deepEqual(host.violations, [], name);
    assert.deepEqual({ name, ...now() }, { name, ...asAfter });
    assert.deepEqual({ name, ...outcome() }, { name, ...expected });
  }
}

const isPlace = ({ kind }: HostEvent) => kind === 'place';
const isFile = (event: HostEvent) => event.kind === 'file' && !/\/state\.json[^/]*$/.test(event.path);

test('killed at any place of the journal it ends the same', async () => {
  const found = await worldsOf(isPlace);
  assert.ok(found.killed.length > 30, `${found.killed.length} places`);
  const names = found.killed.map(({ name }) => name);
  for (const place of [
    'upgrade_halt:verified',
    'upgrade_pg_load:folder-made',
    'upgrade_pg_load:server-started',
    'upgrade_pg_load:loaded',
    'upgrade_pg_switch:proved',
    'upgrade_pg_switch:database-stopped',
    'upgrade_pg_switch:old-folder-aside',
    'upgrade_pg_switch:verified',
    'upgrade_start:running',
  ])
    assert.ok(
      names.some((name) => name.includes(place)),
      place,
    );
  await assertEnds(found);
});

test('killed around any program it ends the same', async () => {
  const tried = (at: number) => at % programStride === 0;
  const found = await worldsOf(({ kind }) => kind === 'program', { tried });
  assert.ok(found.seen >= 100, `${found.seen} worlds`);
  await assertEnds(found);
});

for (const powerCut of [false, true]) {
  test(`${powerCut ? 'without power' : 'killed'} around any file operation it ends the same`, async () => {
    const tried = (at: number) => at % stride === (powerCut ? stride - 1 : 0);
    const found = await worldsOf(isFile, { powerCut, tried });
    assert.ok(found.seen >= 100, `${found.seen} worlds`);
    await assertEnds(found);
  });
}

test('killed at any place, restore brings the old folder and release back, or has nothing to take back', async () => {
  const { killed } = await worldsOf(isPlace);
  let back = 0;
  for (const { name, world } of killed) {
    host.become(world);
    const begun = host.state()?.run?.pointOfNoReturn !== undefined;
    const ended = await host.run('restore');
    assert.deepEqual(host.violations, [], name);
    assert.equal(ended.exitCode, begun ? 0 : 10, `${name}: ${said(ended)}`);
    assertOldIsThere(name);
    assert.deepEqual({ name, storage: folders()['storage'] }, { name, storage: old });
    if (!begun) continue;
    back += 1;
    const { folders: _, ...rest } = now();
    const { folders: __, ...whole } = asBefore;
    assert.deepEqual({ name, ...rest }, { name, ...whole });
  }
  assert.ok(back >= 8, `${back} places`);
});

test('a restore over it, killed at any place, ends the same', async () => {
  for (const undo of [false, true]) {
    host.become(upgraded);
    if (undo) assert.equal((await host.run('restore')).exitCode, 0);
    const start = host.copy();
    const killed: { name: string; world: World }[] = [];
    let seen = 0;
    const watch = (event: HostEvent) => {
      const isTried = isPlace(event) && host.state()?.run?.status !== 'completed';
      if (isTried && seen++ % placeStride === 0) killed.push({ name: eventName(event), world: host.copy() });
      return undefined;
    };
    assert.equal((await host.run('restore', watch, { undo })).exitCode, 0);
    const expected = structuredClone({ ...outcome(), ...now() });
    const newest = { major: 17, schema: 2, rows: [...then, later] };
    assert.deepEqual(
      expected.folders,
      undo ? { storage: newest, 'storage.pg15-TIME': old } : { storage: old, 'storage.pg17-TIME': newest },
    );
    assert.ok(seen >= 15, `${seen} places`);
    for (const { name, world } of killed) {
      host.become(world);
      assertOldIsThere(name);
      const again = await host.run('restore', undefined, { undo });
      assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
      assert.deepEqual({ name, ...outcome(), ...now() }, { name, ...expected });
      assert.ok(again.result?.data.dumpBefore, `${name}: its dump is named`);
    }
    host.become(start);
  }
});

test('asked to stop before the switch, the old release is started again; the same command ends it', async () => {
  const { killed } = await worldsOf(isPlace);
  for (const { name } of killed.slice(1).filter((_, at) => at % placeStride === 0)) {
    const place = name.replace(/^place /, '');
    host.become(installed);
    const stopped = await host.run('upgrade', signalAt(place, 'SIGTERM').watch);
    assert.ok([0, 143].includes(stopped.exitCode), `${place}: ${said(stopped)}`);
    assertOldIsThere(place);
    if (stopped.exitCode === 0) continue;
    if (existsSync(join(host.root, 'storage')) && folders()['storage'] !== undefined) {
      const isOld = JSON.stringify(folders()['storage']) === JSON.stringify(old);
      if (isOld) assert.deepEqual([place, ...now().pods], [place, ...asBefore.pods]);
    }
    const again = await host.run('upgrade');
    assert.equal(again.exitCode, 0, `${place}: ${said(again)}`);
    assert.deepEqual({ place, ...now() }, { place, ...asAfter });
  }
});

for (const [what, from] of outages) {
  test(`${what} from a place on: it says so with a hint, and ends when it is typed again`, async () => {
    const { killed } = await worldsOf(isPlace);
    for (const { name } of killed.filter((_, at) => at % (2 * placeStride) === 1)) {
      host.become(installed);
      const place = name.replace(/^place /, '');
      const fault = from(place);
      const ended = await host.run('upgrade', fault.watch);
      assert.ok([0, 3, 6, 8].includes(ended.exitCode), `${place}: exit ${ended.exitCode}, ${said(ended)}`);
      assertOldIsThere(place);
      if (ended.exitCode === 0) continue;
      assert.ok(fault.struck(), `${place}: failed by itself, ${said(ended)}`);
      const hint = ended.error instanceof IvaapError ? (ended.error.hint ?? '') : '';
      assert.notEqual(hint, '', `${place}: no hint, ${said(ended)}`);
      const again = await host.run('upgrade');
      assert.equal(again.exitCode, 0, `${place}: ${said(again)}`);
      assert.deepEqual({ place, ...now() }, { place, ...asAfter });
    }
  });
}

test('what a killed one has halted is told by status, as halted by an upgrade', async () => {
  const { killed } = await worldsOf(isPlace);
  const found = killed.find(({ name }) => name.includes('upgrade_pg_load:loaded'));
  host.become(found!.world);
  const by: HaltedBy = 'upgrade';
  const { halted } = await host.status('upgrade');
  assert.match(JSON.stringify(halted), new RegExp(by));
});
