import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, type IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import type { Prompter } from '../../../src/policy/prompter.ts';
import { dumpDatabase } from '../../../src/queries/database-dump.ts';
import { eventName } from '../../fixtures/in-process-host/events.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { restoredFrom } from '../../fixtures/in-process-host/postgres.ts';

/** `restore FILE`: a dump that was taken by hand comes back, or is refused and nothing is changed. */

let host: SimulatedHost;
let upgraded: World;
/** Of 2026.1 with `then`; of 2026.2 with `then` and `later`. */
let oldFile: string;
let newFile: string;

const then = ['Troll A-1', 'Troll A-2'];
const later = 'Gullfaks A-1';
const latest = 'Sleipner A-1';

async function take(path: string): Promise<void> {
  const ended = await host.command('restore', ['pgdump'], async (ports) => {
    await dumpDatabase({ file: path }, ports);
    return { lines: [], data: {} };
  });
  assert.equal(ended.exitCode, 0, said(ended));
}

before(async () => {
  host = await SimulatedHost.start();
  const folder = join(host.root, 'elsewhere');
  mkdirSync(folder, { mode: 0o700 });
  oldFile = join(folder, 'old.sql');
  newFile = join(folder, 'new.sql');
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...then);
  await take(oldFile);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  host.cluster.state.database.rows.push(later);
  await take(newFile);
  host.cluster.state.database.rows.push(latest);
  upgraded = host.copy();
});
beforeEach(() => host.become(upgraded));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.hint ?? '';
const state = (): State => host.state() as State;
const database = () => host.cluster.state.database;
const live = () => ({ schema: database().schema, rows: database().rows });
const beside = () => Object.values(database().beside ?? {}).map(({ text }) => restoredFrom(text));
const noted = (path: string) => JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record<string, unknown>;
const note = (path: string, change: Record<string, unknown>) =>
  writeFileSync(`${path}.json`, JSON.stringify({ ...noted(path), ...change }));

type Options = NonNullable<Parameters<SimulatedHost['run']>[2]>;

async function ends(
  code: number,
  backup: string,
  options: Options = {},
  watch?: Watcher,
  given: Parameters<SimulatedHost['run']>[3] = {},
) {
  const ended = await host.run('restore', watch, { backup, ...options }, given);
  assert.equal(ended.exitCode, code, said(ended));
  assert.deepEqual(host.violations, []);
  return ended;
}

/** Nothing of the cluster, the state or the files of the product is another one. */
async function refused(code: number, backup: string, options: Options = {}) {
  const all = () => [
    structuredClone(host.cluster.state),
    host.state(),
    readFileSync(join(host.folder, 'tiny.values.yaml'), 'utf8'),
  ];
  const was = all();
  const ended = await ends(code, backup, options);
  assert.deepEqual(all(), was);
  assert.notEqual(hintOf(ended), '');
  return ended;
}

const now = { schema: 2, rows: [...then, later, latest] };

test('a file of the release from before brings that release back, whose chart was kept', async () => {
  await ends(0, oldFile);
  assert.deepEqual([live(), state().installed?.version], [{ schema: 1, rows: then }, '2026.1']);
  assert.deepEqual(beside(), [now]);
  const dump = state().restored?.pgDump?.['path'] as string;
  assert.deepEqual(restoredFrom(readFileSync(dump, 'utf8')), now);
  await ends(0, undefined as never, { undo: true });
  assert.deepEqual([live(), state().installed?.version], [now, '2026.2']);
});

test('a file of the installed release brings its data back, and the release stays', async () => {
  await ends(0, newFile);
  assert.deepEqual([live(), state().installed?.version], [{ schema: 2, rows: [...then, later] }, '2026.2']);
  assert.deepEqual(beside(), [now]);
  assert.equal(state().restored?.dump?.['path'], newFile);
});

test('of a release without a chart here the data come alone, and that is said first', async () => {
  note(oldFile, { version: '2025.9' });
  const asked: string[] = [];
  const confirm = async (text: string) => (asked.push(text), false);
  await ends(1, oldFile, { confirm: undefined }, undefined, { confirm });
  assert.match(
    unmarked(asked[0] ?? ''),
    /a dump of 2025\.9, whose chart is not kept on this host: 2026\.2 stays/,
  );
  assert.deepEqual(live(), now);
  await ends(0, oldFile);
  assert.deepEqual([live(), state().installed?.version], [{ schema: 1, rows: then }, '2026.2']);
});

test('a dump that was taken during an upgrade is of no release that is known', async () => {
  note(oldFile, { unfinishedRun: { flow: 'upgrade', from: '2026.1', to: '2026.2' } });
  const ended = await ends(0, oldFile, { dryRun: true });
  assert.match(JSON.stringify(ended.result), /taken while the upgrade to 2026\.2 was not finished/);
  assert.doesNotMatch(JSON.stringify(ended.result?.plan?.steps), /restore_chart/);
  assert.match(ended.result?.plan?.stake[1] ?? '', /old\.sql, taken /);
});

test('without a note it has to be said what it is, and the dump itself is compared with that', async () => {
  rmSync(`${oldFile}.json`);
  const none = await refused(2, oldFile);
  assert.match(said(none), /old\.sql\.json, which tells of the dump, is not there/);
  assert.match(hintOf(none), /--dump-version VERSION --dump-schema NUMBER/);
  await refused(2, oldFile, { dumpVersion: '2026.1' });
  await refused(5, oldFile, { dumpVersion: '2026.1', dumpSchema: 2 });
  const other = await ends(6, oldFile, { dumpVersion: '2026.1', dumpSchema: 0 });
  assert.match(said(other), /old\.sql has schema version 1, and not 0/);
  assert.deepEqual([live(), beside(), state().installed?.version], [now, [], '2026.2']);
  await ends(0, oldFile, { dumpVersion: '2026.1', dumpSchema: 1 });
  assert.deepEqual([live(), state().installed?.version], [{ schema: 1, rows: then }, '2026.1']);
});

test('on a terminal a person is asked what it is', async () => {
  rmSync(`${oldFile}.json`);
  const titles: string[] = [];
  const answers = ['2026.1', '1'];
  const prompter = async (): Promise<Prompter> => ({
    text: async ({ title, check }) => {
      titles.push(title);
      assert.match((await check('?')) ?? '', /./);
      const answer = answers.shift() ?? '';
      assert.equal(await check(answer), undefined);
      return answer;
    },
    choose: async () => assert.fail(),
    chooseSome: async () => assert.fail(),
    tell: () => {},
  });
  await ends(0, oldFile, {}, undefined, { prompter });
  assert.equal(titles.length, 2);
  assert.match(titles[0] ?? '', /Of which release of Tiny is .*old\.sql/);
  assert.deepEqual(live(), { schema: 1, rows: then });
});

test('flags that contradict the note are refused', async () => {
  await refused(2, oldFile, { dumpVersion: '2026.2' });
  await refused(2, oldFile, { dumpSchema: 7 });
});

const text = () => readFileSync(oldFile, 'utf8');
const changed = {
  'of another product': [/is a dump of other, not of tiny/, () => note(oldFile, { product: 'other' })],
  'that was cut off': [/old\.sql.*bytes instead of/, () => writeFileSync(oldFile, text().slice(0, -40))],
  'that was cut off, and its note with it': [
    /last line/,
    () => {
      rmSync(`${oldFile}.json`);
      writeFileSync(oldFile, text().slice(0, -40));
    },
  ],
  'in which a byte was changed': [
    /SHA-256 is not/,
    () => writeFileSync(oldFile, text().replace('Troll A-1', 'Troll B-1')),
  ],
  'that is a link': [
    /is a symbolic link/,
    () => {
      renameSync(oldFile, `${oldFile}.real`);
      symlinkSync(`${oldFile}.real`, oldFile);
    },
  ],
  'whose note is a link': [
    /old\.sql\.json is a symbolic link/,
    () => {
      renameSync(`${oldFile}.json`, `${oldFile}.real`);
      symlinkSync(`${oldFile}.real`, `${oldFile}.json`);
    },
  ],
  'whose note is none': [/is not the note of a dump/, () => writeFileSync(`${oldFile}.json`, '{}')],
  'that is a folder': [
    /is not a regular file/,
    () => {
      rmSync(oldFile);
      mkdirSync(oldFile);
    },
  ],
  'that is not there': [/cannot be read/, () => rmSync(oldFile)],
  'that leads psql to another database': [
    /outside of the database that it is loaded into: \\connect tiny/,
    () => {
      rmSync(`${oldFile}.json`);
      writeFileSync(oldFile, `\\connect tiny\n${text()}`);
    },
  ],
  'that drops a database': [
    /outside of the database that it is loaded into: DROP DATABASE tiny;/,
    () => {
      rmSync(`${oldFile}.json`);
      writeFileSync(oldFile, `DROP DATABASE tiny;\n${text()}`);
    },
  ],
} as const;

for (const [what, [expected, change]] of Object.entries(changed)) {
  test(`a file ${what} is refused, and nothing is changed`, async () => {
    change();
    const ended = await refused(2, oldFile, { dumpVersion: '2026.1', dumpSchema: 1 });
    assert.match(said(ended), expected);
    assert.match(said(ended), /Nothing was changed/);
  });
}

test('a file that others can change is refused', async () => {
  chmodSync(oldFile, 0o666);
  assert.match(said(await refused(3, oldFile)), /can be changed by other users than root/);
  chmodSync(oldFile, 0o600);
  chmodSync(join(host.root, 'elsewhere'), 0o777);
  assert.match(said(await refused(3, oldFile)), /can be changed by other users than root/);
});

test('a file that is changed after it was read stops nothing, and its copy is dropped', async () => {
  const whole = text();
  const watch: Watcher = (event) => {
    if (event.kind === 'place' && event.place === 'restore_load:running')
      writeFileSync(oldFile, text().replace('Troll A-1', 'Troll B-1'));
    return undefined;
  };
  const ended = await ends(6, oldFile, {}, watch);
  assert.match(said(ended), /has changed since it was written/);
  assert.deepEqual([live(), beside()], [now, []]);
  await ends(2, oldFile);
  writeFileSync(oldFile, whole);
  await ends(0, oldFile);
  assert.deepEqual(live(), { schema: 1, rows: then });
});

test('a dump of a later schema is refused: no release here works with it', async () => {
  note(newFile, { version: '2027.1', schemaVersion: 5 });
  const ended = await refused(5, newFile);
  assert.match(said(ended), /schema version 5, and 2026\.2 works with 2/);
  note(newFile, { version: '2026.1', schemaVersion: 2 });
  assert.match(said(await refused(5, newFile)), /schema version 2, and 2026\.1 works with 1/);
});

test('a backup wins over a file of its name; with a slash it is the file', async () => {
  const { folder } = state().anchors['2026.1']!.derived['pgDump'] as { folder: string };
  const name = basename(folder);
  const here = process.cwd();
  const there = join(host.root, 'elsewhere');
  const begin = () => {
    process.chdir(here);
    host.become(upgraded);
    process.chdir(there);
    for (const ending of ['', '.json']) copyFileSync(`${newFile}${ending}`, `${name}${ending}`);
  };
  try {
    begin();
    await ends(0, name);
    assert.equal(state().restored?.dump?.['folder'], folder);
    begin();
    await ends(0, `./${name}`);
    assert.equal(state().restored?.dump?.['path'], join(there, name));
    begin();
    await ends(0, 'new.sql');
    assert.equal(state().restored?.dump?.['path'], newFile);
  } finally {
    process.chdir(here);
  }
  host.become(upgraded);
  const none = await refused(2, 'new.sql');
  assert.match(said(none), /there is no backup new\.sql/);
});

test("the path of a backup's dump is that backup, with all that belongs to it", async () => {
  const { path, folder } = state().anchors['2026.1']!.derived['pgDump'] as { path: string; folder: string };
  await ends(0, path);
  assert.deepEqual(live(), { schema: 1, rows: then });
  assert.equal(state().restored?.dump?.['folder'], folder);
  assert.equal(state().run?.answers?.typed, basename(folder));
});

test('before anything was stopped another file under its name is taken as what it is now', async () => {
  const killed: World[] = [];
  await ends(0, oldFile, {}, (event) => {
    if (event.kind === 'place' && event.place === 'restore_load:verified') killed.push(host.copy());
    return undefined;
  });
  host.become(killed[0]!);
  for (const ending of ['', '.json']) copyFileSync(`${newFile}${ending}`, `${oldFile}${ending}`);
  note(oldFile, { file: oldFile });
  await ends(0, oldFile);
  assert.deepEqual([live(), state().installed?.version], [{ schema: 2, rows: [...then, later] }, '2026.2']);
});

test('once something was stopped the file is not needed any more', async () => {
  const killed: World[] = [];
  await ends(0, oldFile, {}, (event) => {
    if (event.kind === 'place' && event.place === 'restore_halt:verified') killed.push(host.copy());
    return undefined;
  });
  host.become(killed[0]!);
  for (const ending of ['', '.json']) rmSync(`${oldFile}${ending}`);
  await ends(0, basename(oldFile));
  assert.deepEqual(live(), { schema: 1, rows: then });
});

test('killed at any place it ends the same, and no row is lost', async () => {
  const killed: { name: string; world: World }[] = [];
  let places = 0;
  await ends(0, oldFile, {}, (event) => {
    if (event.kind === 'place' && state().run?.status !== 'completed' && (places += 1) % 2 === 0)
      killed.push({ name: eventName(event), world: host.copy() });
    return undefined;
  });
  assert.ok(places >= 20, `${places} places`);
  for (const { name, world } of killed) {
    host.become(world);
    const is = live();
    assert.ok(is.schema === 2 ? isDeepStrictEqual(is, now) : isDeepStrictEqual(is.rows, then), name);
    const again = await host.run('restore', undefined, { backup: oldFile });
    assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
    const dump = state().restored?.pgDump?.['path'] as string;
    const kept = [live(), beside(), restoredFrom(readFileSync(dump, 'utf8')), state().installed?.version];
    assert.deepEqual([name, ...kept], [name, { schema: 1, rows: then }, [now], now, '2026.1']);
  }
});
