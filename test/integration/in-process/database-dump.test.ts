import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { dumpDatabase } from '../../../src/queries/database-dump.ts';
import { type DumpNote, dumpNoteSchema } from '../../../src/queries/dump-schema.ts';
import { dumpLines } from '../../../src/ui/dump-text.ts';
import { restoredFrom } from '../../fixtures/in-process-host/postgres.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';

/** `ivaap_pgdump`: the upgrade's dump, by hand, into any file. */

let host: SimulatedHost;
let installed: World;
before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  mkdirSync(join(host.root, 'dumps'));
  host.cluster.state.database.rows = ['Alpha', 'Beta'];
  installed = host.copy();
});
after(() => host.close());
beforeEach(() => host.become(installed));

const at = (name: string) => join(host.root, 'dumps', name);
const names = () => readdirSync(join(host.root, 'dumps')).toSorted();

const dumped = (file: string | undefined, watch?: Watcher): Promise<Invocation> =>
  host.command(
    'upgrade',
    file === undefined ? [] : [file],
    async (ports) => {
      const note = await dumpDatabase({ file }, ports);
      return { lines: dumpLines(note), data: { ...note } };
    },
    {},
    watch,
  );

function assertWhole(file: string): DumpNote {
  const text = readFileSync(file, 'utf8');
  const note = dumpNoteSchema.parse(JSON.parse(readFileSync(`${file}.json`, 'utf8')));
  assert.equal(note.sha256, createHash('sha256').update(text).digest('hex'));
  assert.equal(note.sizeBytes, Buffer.byteLength(text));
  assert.deepEqual(restoredFrom(text).rows, host.cluster.state.database.rows);
  for (const path of [file, `${file}.json`]) assert.equal(lstatSync(path).mode & 0o7777, 0o600);
  return note;
}

test('the dump is complete, and the note beside it says release, schema, rows and hash', async () => {
  const ended = await dumped(at('a.sql'));
  assert.equal(ended.exitCode, 0, String(ended.error));
  const note = assertWhole(at('a.sql'));
  const { version, schemaVersion, rows, unfinishedRun, program, database } = note;
  const { database: live } = host.cluster.state;
  assert.deepEqual(
    { version, schemaVersion, rows, unfinishedRun, program, database },
    {
      version: '2026.1',
      schemaVersion: live.schema,
      rows: live.rows.length + 1,
      unfinishedRun: null,
      program: 'tiny 2026.2',
      database: 'tinydb',
    },
  );
  assert.deepEqual(names(), ['a.sql', 'a.sql.json']);
  assert.match(
    ended.result?.lines.join('\n') ?? '',
    /a\.sql: .* rows, complete and verified\n.*2026\.1, schema/,
  );
  assert.deepEqual(host.violations, []);
});

test('without a file it goes to the current folder, under the name of the database and the time', async () => {
  const here = process.cwd();
  process.chdir(join(host.root, 'dumps'));
  try {
    assert.equal((await dumped(undefined)).exitCode, 0);
  } finally {
    process.chdir(here);
  }
  const [name = ''] = names();
  assert.match(name, /^tinydb-\d{8}T\d{6}Z\.sql$/);
  assertWhole(at(name));
});

const refusals: [string, () => string, number, RegExp, RegExp][] = [
  [
    'a file that exists',
    () => (writeFileSync(at('a.sql'), 'mine'), at('a.sql')),
    2,
    /a\.sql already exists/,
    /nothing is overwritten/,
  ],
  [
    'a link that leads nowhere',
    () => (symlinkSync('/nowhere', at('a.sql')), at('a.sql')),
    2,
    /already exists/,
    /nothing is overwritten/,
  ],
  [
    'a note of others',
    () => (writeFileSync(at('a.sql.json'), '{}'), at('a.sql')),
    2,
    /a\.sql\.json already exists/,
    /nothing is overwritten/,
  ],
  [
    'a file system that holds no files',
    () => '/proc/a.sql',
    3,
    /\/proc\/a\.sql cannot be written: the file system at \/proc holds no files of others/,
    /name a file on another disk/,
  ],
  ['-', () => '-', 2, /- is not taken for standard input or output/, /\.\/-$/],
  [
    'a folder that goes with k3s',
    () => '/etc/rancher/k3s/a.sql',
    2,
    /a\.sql lies in \/etc\/rancher\/k3s, which k3s-uninstall\.sh deletes/,
    /name a file on another disk/,
  ],
  ['a folder', () => join(host.root, 'dumps'), 2, /dumps is a folder/, /dumps\/NAME\.sql/],
  ['a folder that is missing', () => at('no/a.sql'), 2, /no is not a folder/, /^mkdir -p .*\/no; /],
];
for (const [name, make, exit, says, hint] of refusals) {
  test(`${name}: refused, and nothing is changed`, async () => {
    const file = make();
    const found = names();
    const { exitCode, error } = await dumped(file);
    assert.ok(error instanceof IvaapError);
    assert.equal(exitCode, exit, error.message);
    assert.match(error.message, says);
    assert.match(error.hint ?? '', hint);
    assert.deepEqual(names(), found);
  });
}

test('a file that appears while the dump is written stays as it is', async () => {
  const { exitCode, error } = await dumped(at('a.sql'), (event) => {
    if (event.kind === 'file' && event.operation === 'write' && event.phase === 'after')
      writeFileSync(at('a.sql'), 'of somebody');
    return undefined;
  });
  assert.equal(exitCode, 6, String(error));
  assert.equal(readFileSync(at('a.sql'), 'utf8'), 'of somebody');
  assert.deepEqual(names(), ['a.sql']);
});

test('a database that is down, a cluster that is down: what is wrong is said, and nothing is left', async () => {
  host.cluster.delete('Pod', 'db-0', 'tiny');
  const pods = host.cluster.list('Pod', 'tiny', 'app=db');
  for (const { metadata } of pods) host.cluster.delete('Pod', metadata.name, 'tiny');
  const down = await dumped(at('a.sql'));
  assert.equal(down.exitCode, 6);
  assert.match(String(down.error), /database pod is not running/);
  const refused = await dumped(at('a.sql'), (event) =>
    event.kind === 'program' && event.argv.includes('version')
      ? new IvaapError('failed', 'the connection was refused')
      : undefined,
  );
  assert.equal(refused.exitCode, 3, String(refused.error));
  assert.deepEqual(names(), []);
});

test('of two dumps of one name the later one leaves the note of the first', async () => {
  const note = `${at('a.sql')}.json`;
  const ended = await dumped(at('a.sql'), () => {
    // Another run's, which has written its note and is about to name its dump.
    if (!existsSync(note)) writeFileSync(note, JSON.stringify({ file: at('a.sql'), by: 'the other run' }));
    return undefined;
  });
  assert.equal(ended.exitCode, 6, String(ended.error));
  assert.match(readFileSync(note, 'utf8'), /the other run/);
  assert.deepEqual(names(), ['a.sql.json']);
});

test('a disk that is full in the middle of it: exit 6, the disk is named, and nothing is left', async () => {
  const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
  for (const phase of ['before', 'during'] as const) {
    const { exitCode, error } = await dumped(at('a.sql'), (event) =>
      event.kind === 'file' && event.operation === 'write' && event.phase === phase ? full : undefined,
    );
    assert.equal(exitCode, 6, String(error));
    assert.match(String(error), /no space left on .* while writing .*a\.sql/);
    assert.match((error as IvaapError).hint ?? '', /^df -h /);
    assert.deepEqual(names(), []);
  }
});

test('in the middle of an upgrade the note says so', async () => {
  const broken: Watcher = (event) =>
    event.kind === 'place' && event.place === 'upgrade_chart_swap:running'
      ? new IvaapError('failed', 'no')
      : undefined;
  assert.equal((await host.run('upgrade', broken)).exitCode, 6);
  assert.equal((await dumped(at('a.sql'))).exitCode, 0);
  assert.deepEqual(assertWhole(at('a.sql')).unfinishedRun, { flow: 'upgrade', from: '2026.1', to: '2026.2' });
});

test('killed at any instant there is a whole dump with its note or none, and the same command goes on', async () => {
  const worlds = new Map<string, World>();
  await dumped(at('a.sql'), (event) => {
    if (event.kind === 'file' && event.path.includes('/dumps/'))
      worlds.set(`${event.phase} ${event.operation} ${event.path}`, host.copy());
    return undefined;
  });
  assert.ok(worlds.size > 12, [...worlds.keys()].join('\n'));
  let complete = 0;
  for (const [place, killed] of worlds) {
    host.become(killed);
    if (existsSync(at('a.sql'))) {
      complete += 1;
      assertWhole(at('a.sql'));
      continue;
    }
    const again = await dumped(at('a.sql'));
    assert.equal(again.exitCode, 0, `${place}: ${String(again.error)}`);
    assertWhole(at('a.sql'));
  }
  assert.ok(complete > 0 && complete < worlds.size);
});
