import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { offerActivation, upgradeAndActivate } from '../../../src/commands/upgrade-and-activate.ts';
import { commands } from '../../../src/commands/commands.ts';
import { programs } from '../../../src/commands/programs.ts';
import { shareFiles } from '../../../src/commands/share-files.ts';
import { describeError, IvaapError, stopRequest } from '../../../src/errors.ts';
import { activate, activationOffer, deactivate } from '../../../src/flows/activate/activate.ts';
import type { ActivateResult } from '../../../src/queries/activate-schema.ts';
import { activateSchema } from '../../../src/queries/activate-schema.ts';
import { activateLines } from '../../../src/ui/activate-text.ts';
import type { Activation } from '../../../src/release/activation-record.ts';
import { eventName } from '../../fixtures/in-process-host/events.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { makeKeys, testKeys } from '../../fixtures/signing-keys.ts';

/** `activate`: real files below a prefix of their own, by the packages of two releases. */

let host: SimulatedHost;
let installed: World;
let bare: World;
const files: Record<'install' | 'upgrade', string> = { install: '', upgrade: '' };
const makeFiles = shareFiles({ commands, programs });

before(async () => {
  host = await SimulatedHost.start({ vendor: testKeys, thief: makeKeys() });
  host.use('install', 'vendor');
  host.use('upgrade', 'vendor');
  for (const flow of ['install', 'upgrade'] as const) {
    // Below folders that only root may write, unlike a temporary one.
    const folder = join(host.root, `package-${flow}`);
    mkdirSync(folder);
    files[flow] = join(folder, 'tiny');
    copyFileSync(host.machine(flow).executable, files[flow]);
    chmodSync(files[flow], 0o755);
  }
  bare = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  mkdirSync(join(host.root, 'local/bin'), { recursive: true });
  mkdirSync(join(host.root, 'local/lib'));
  installed = host.copy();
});
after(() => host.close());
beforeEach(() => {
  host.become(installed);
  host.securePath = undefined;
});

interface Typed {
  copy?: boolean;
  trustKey?: string;
  undo?: boolean;
  /** The file that runs; default: the flow's package. */
  file?: string;
  confirm?: (question: string) => Promise<boolean>;
}

/** `./tiny activate`, by the package of a flow. */
async function typed(
  flow: 'install' | 'upgrade',
  { copy = false, trustKey, undo = false, file = files[flow], confirm }: Typed = {},
  watch?: Watcher,
): Promise<Invocation & { active: ActivateResult | undefined }> {
  let active: ActivateResult | undefined;
  const words = ['activate', ...(copy ? ['--copy'] : []), ...(undo ? ['--undo'] : [])];
  const ended = await host.command(
    flow,
    words,
    async (given) => {
      const ports = { ...given, machine: { ...given.machine, executable: file } };
      active = await (undo ? deactivate(ports) : activate({ copy, trustKey }, ports, makeFiles));
      return { lines: activateLines(active), data: { ...active } };
    },
    { confirm },
    watch,
  );
  return { ...ended, active };
}

const local = (path: string) => join(host.root, 'local', path);
const names = ['tiny', 'tk', 'tiny_pgdump'];
const activeFile = () => realpathSync(local('lib/tiny-activated/active'));
const record = () =>
  JSON.parse(readFileSync(join(host.folder, '.installer/activation.json'), 'utf8')) as Activation;

/** Every path below a folder with what it is, times aside. */
function treeOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const info = lstatSync(path);
    const what = entry.isSymbolicLink()
      ? readlinkSync(path)
      : entry.isFile()
        ? readFileSync(path, 'latin1')
        : '';
    found[relative(folder, path)] = `${info.mode.toString(8)} ${what}`;
  }
  return found;
}
const world = () => ({
  ...treeOf(join(host.root, 'local')),
  record: existsSync(join(host.folder, '.installer/activation.json'))
    ? JSON.stringify({ ...record(), at: '' })
    : 'none',
});

/** A process that was killed is not there any more: unfinished files bear the id of another one. */
function becomeKilled(killed: World): void {
  host.become(killed);
  for (const folder of [join(host.root, 'local'), join(host.folder, '.installer')]) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      const name = entry.name.replace(`.${process.pid}-`, '.99999999-');
      if (name !== entry.name) renameSync(join(entry.parentPath, entry.name), join(entry.parentPath, name));
    }
  }
}

async function refused(ended: Promise<Invocation>, exitCode: number, says: RegExp): Promise<IvaapError> {
  const { exitCode: code, error } = await ended;
  assert.ok(error instanceof IvaapError, String(error));
  assert.match([error.message, ...(error.facts ?? [])].join('\n'), says);
  assert.equal(code, exitCode, error.message);
  assert.ok(error.hint !== undefined);
  return error;
}

test('the names lead to the package, and switch to the next one by one link; undo leaves nothing', async () => {
  const untouched = world();
  const first = await typed('install');
  assert.equal(first.exitCode, 0, String(first.error));
  activateSchema.parse(first.active);
  assert.deepEqual([first.active?.how, activeFile()], ['link', files.install]);
  for (const name of names) assert.equal(lstatSync(local(`bin/${name}`)).mode & 0o7777, 0o755);
  assert.equal((await typed('install')).active?.changed, false);
  const second = await typed('upgrade');
  assert.deepEqual([second.active?.changed, activeFile()], [true, files.upgrade]);
  assert.match(second.active?.notes.join() ?? '', /installed is 2026\.1; to upgrade it/);
  const gone = await typed('upgrade', { undo: true });
  assert.deepEqual([gone.active?.left, gone.active?.changed], [[], true]);
  assert.deepEqual(world(), untouched);
  assert.equal((await typed('upgrade', { undo: true })).active?.changed, false);
  assert.deepEqual(host.violations, []);
});

test('killed at any instant and typed again it ends the same, and no name ever leads nowhere', async () => {
  await typed('install');
  const before = host.copy();
  await typed('upgrade');
  const after = world();
  for (const from of [installed, before]) {
    host.become(from);
    const worlds = new Map<string, World>();
    await typed('upgrade', {}, (event) => {
      const name = eventName(event);
      // Of the files for shells and man, two of each: the others are written by the same lines.
      const isShare = /\/share\//.test(name) && !/tiny\.8|tk\.fish/.test(name);
      const isNew = event.kind === 'file' && event.phase !== 'before' && event.operation !== 'sync';
      if (isNew && !isShare) worlds.set(name, host.copy());
      return undefined;
    });
    assert.ok(worlds.size > 20, `${worlds.size} places`);
    for (const [place, killed] of worlds) {
      becomeKilled(killed);
      for (const name of names.filter((one) => existsSync(local(`bin/${one}`)))) {
        const leads = realpathSync(local(`lib/tiny-activated/${name}`));
        assert.ok(Object.values(files).includes(leads), `${place}: ${name} leads to ${leads}`);
      }
      const again = await typed('upgrade');
      assert.equal(again.exitCode, 0, `${place}: ${String(again.error)}`);
      const { folders, ...rest } = record();
      assert.deepEqual({ ...world(), record: '' }, { ...after, record: '' }, place);
      assert.deepEqual([rest.complete, rest.files.length], [true, new Set(rest.files).size]);
      becomeKilled(killed);
      await typed('upgrade', { undo: true });
      assert.deepEqual(
        Object.keys(world()).filter((path) => !/^(bin|lib|share\b.*|record)$/.test(path)),
        [],
        `${place}, undone; folders ${folders.join()}`,
      );
    }
  }
});

test('undo that is killed at any instant goes on', async () => {
  const untouched = world();
  await typed('install');
  const active = host.copy();
  const worlds = new Map<string, World>();
  await typed('install', { undo: true }, (event) => {
    if (event.kind === 'file' && event.phase === 'after' && !/man8\/tiny-/.test(event.path)) {
      worlds.set(eventName(event), host.copy());
    }
    return undefined;
  });
  assert.ok(worlds.size > 10);
  for (const [place, killed] of [...worlds, ['whole', active] as const]) {
    becomeKilled(killed);
    assert.equal((await typed('install', { undo: true })).exitCode, 0, place);
    assert.deepEqual(world(), untouched, place);
  }
});

test('a file of others is never replaced, whatever it is, and all of them are named', async () => {
  writeFileSync(local('bin/tiny'), '#!/bin/sh\necho mine\n');
  symlinkSync('/usr/bin/true', local('bin/tk'));
  mkdirSync(local('bin/tiny_pgdump'));
  const untouched = world();
  const error = await refused(
    typed('install'),
    3,
    /bin\/tiny is not replaced[^]*bin\/tk: it is a link to \/usr\/bin\/true[^]*_pgdump: it is a folder/,
  );
  assert.match(error.hint ?? '', /^ls -ld .*; mv .*bin\/tiny .*tiny\.before; then: \.\/tiny activate$/);
  assert.deepEqual(world(), untouched);
});

test('what another process puts under a name while a question waits stays, and the way is open', async () => {
  const file = join(host.root, 'package-install/loose');
  copyFileSync(files.install, file);
  chmodSync(file, 0o777);
  const confirm = async () => (writeFileSync(local('bin/tk'), '#!/bin/sh\necho mine\n'), true);
  await refused(typed('install', { file, confirm }), 6, /another process .*bin\/tk/);
  const mine = () => readFileSync(local('bin/tk'), 'utf8');
  assert.equal(mine(), '#!/bin/sh\necho mine\n');
  // The same again says what is in the way; --undo takes back the rest.
  await refused(typed('install', { file, copy: true }), 3, /bin\/tk is not replaced/);
  assert.equal((await typed('install', { undo: true })).exitCode, 0);
  assert.deepEqual([mine(), readdirSync(local('bin'))], ['#!/bin/sh\necho mine\n', ['tk']]);
  rmSync(local('bin/tk'));
  assert.equal((await typed('install', { file, copy: true })).exitCode, 0);
  // The same while ours is being replaced by the next one.
  rmSync(local('share/man/man8/tiny.8'));
  const again = async () => (writeFileSync(local('bin/tk'), 'mine'), true);
  const loose = join(host.root, 'package-upgrade/loose');
  copyFileSync(files.upgrade, loose);
  chmodSync(loose, 0o777);
  writeFileSync(local('share/man/man8/tiny.8'), readFileSync(local('share/man/man8/tk.8')));
  await refused(typed('upgrade', { file: loose, confirm: again }), 6, /another process .*bin\/tk/);
  assert.equal(mine(), 'mine');
});

test('another product with the same name keeps it', async () => {
  await typed('install');
  const text = readFileSync(local('bin/tk'), 'utf8');
  const other = text.replaceAll('tiny', 'else');
  writeFileSync(local('bin/tk'), other);
  await refused(typed('upgrade'), 3, /bin\/tk is not replaced/);
  assert.equal(readFileSync(local('bin/tk'), 'utf8'), other);
});

const obstacles: [string, () => void, RegExp][] = [
  ['bin that others may write', () => chmodSync(local('bin'), 0o777), /bin can be changed by other users/],
  [
    'bin that is a file',
    () => {
      rmSync(local('bin'), { recursive: true });
      writeFileSync(local('bin'), '');
    },
    /bin is no folder/,
  ],
  [
    'bin that is a link to nothing',
    () => {
      rmSync(local('bin'), { recursive: true });
      symlinkSync('/nowhere/bin', local('bin'));
    },
    /bin is a link to \/nowhere\/bin, which is no folder/,
  ],
  [
    'the state of another product',
    () => {
      const path = join(host.folder, '.installer/state.json');
      const state = JSON.parse(readFileSync(path, 'utf8')) as object;
      writeFileSync(path, JSON.stringify({ ...state, product: 'else' }));
    },
    /belongs to else/,
  ],
  ['a damaged state', () => writeFileSync(join(host.folder, '.installer/state.json'), '{'), /is damaged/],
  [
    'nothing installed',
    () => rmSync(host.folder, { recursive: true }),
    /no completed install of .* is recorded on this host/,
  ],
];
for (const [name, make, says] of obstacles) {
  test(`${name}: refused with exit 3, and nothing is changed`, async () => {
    make();
    const untouched = treeOf(join(host.root, 'local'));
    await refused(typed('install'), 3, says);
    assert.deepEqual(treeOf(join(host.root, 'local')), untouched);
  });
}

test('where no install is complete it is refused, names the command to run, and leaves nothing', async () => {
  const folder = join(host.folder, '.installer');
  rmSync(host.folder, { recursive: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const undo of [false, true]) {
    writeFileSync(join(folder, 'lock'), '');
    if (undo) assert.equal((await typed('install', { undo })).exitCode, 0);
    else assert.equal((await refused(typed('install'), 3, /no completed install/)).hint, './tiny install');
    assert.deepEqual(existsSync(folder), false, `undo: ${undo}`);
    mkdirSync(folder, { mode: 0o700 });
  }
  writeFileSync(join(folder, 'of-others'), '');
  await refused(typed('install'), 3, /no completed install/);
  assert.ok(existsSync(join(folder, 'of-others')));
});

test('an install that was cut off is to be resumed before its names come to PATH', async () => {
  host.become(bare);
  let cut: World | undefined;
  await host.run('install', (event) => {
    if (event.kind === 'place' && event.place === 'postgres:running') cut = host.copy();
    return undefined;
  });
  host.become(cut!);
  mkdirSync(local('bin'), { recursive: true });
  const { hint = '' } = await refused(typed('install'), 3, /no completed install/);
  assert.match(hint, /^.* install/);
  assert.deepEqual(readdirSync(local('bin')), []);
  assert.ok(existsSync(join(host.folder, '.installer/lock')));
});

for (const [option, says, hint] of [
  ['ro', /bin cannot be written: .*local\/bin is mounted read-only/, /^mount -o remount,rw \S+\/bin$/],
  ['noexec', /no program runs in .*bin: .*local\/bin is mounted noexec/, /^mount -o remount,exec \S+\/bin$/],
] as const) {
  test(`bin on a disk that is mounted ${option}: refused with exit 3, and nothing is changed`, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=1m,mode=755,${option}`, 'bin', local('bin')]);
    try {
      const untouched = treeOf(join(host.root, 'local'));
      const error = await refused(typed('install'), 3, says);
      assert.match(error.hint ?? '', hint);
      assert.deepEqual(treeOf(join(host.root, 'local')), untouched);
    } finally {
      execFileSync('umount', [local('bin')]);
    }
  });
}

test('folders that are missing are made, and removed with the rest', async () => {
  rmSync(join(host.root, 'local'), { recursive: true });
  assert.equal((await typed('install')).exitCode, 0);
  assert.equal(lstatSync(local('bin')).mode & 0o7777, 0o755);
  assert.equal((await typed('install', { undo: true })).exitCode, 0);
  assert.ok(!existsSync(join(host.root, 'local')));
});

test('a bin folder that is a link to another one is used as it is', async () => {
  rmSync(local('bin'), { recursive: true });
  mkdirSync(local('programs'));
  symlinkSync('programs', local('bin'));
  assert.equal((await typed('install')).exitCode, 0);
  assert.deepEqual(readdirSync(local('programs')).toSorted(), names.toSorted());
  assert.equal((await typed('install', { undo: true })).exitCode, 0);
  assert.ok(lstatSync(local('bin')).isSymbolicLink());
  assert.deepEqual(readdirSync(local('programs')), []);
});

test('a file of another key is refused; --trust-key accepts it', async () => {
  host.use('upgrade', 'thief');
  const file = join(host.root, 'package-upgrade/thief');
  copyFileSync(host.machine('upgrade').executable, file);
  try {
    const error = await refused(typed('upgrade', { file }), 4, /is not trusted/);
    const key = /--trust-key ([0-9a-f]{64})/.exec(error.hint ?? '')?.[1] ?? '';
    const accepted = await typed('upgrade', { file, trustKey: key });
    assert.equal(accepted.exitCode, 0, String(accepted.error));
    assert.match(accepted.active?.notes.join() ?? '', /is trusted: it is signed by/);
  } finally {
    host.use('upgrade', 'vendor');
  }
});

test('a file that others may write is copied, after a question that says how much', async () => {
  const file = join(host.root, 'package-install/loose');
  copyFileSync(files.install, file);
  chmodSync(file, 0o777);
  const error = await refused(
    typed('install', { file }),
    2,
    /loose can be changed by other users.*a copy of/,
  );
  assert.equal(error.hint, './tiny activate --copy');
  const asked: string[] = [];
  const no = async (question: string) => (asked.push(question), false);
  await refused(typed('install', { file, confirm: no }), 1, /not confirmed/);
  assert.match(asked.join(), /a copy of [\d.]+ [KM]iB; [\d.]+ [GT]iB are free on .* Copy it\?/);
  assert.ok(!existsSync(local('lib/tiny-activated')));
  const copied = await typed('install', { file, copy: true });
  assert.deepEqual([copied.exitCode, copied.active?.how], [0, 'copy']);
  const copy = activeFile();
  assert.ok(readFileSync(copy).equals(readFileSync(file)));
  assert.equal(lstatSync(copy).mode & 0o7777, 0o755);
  // Run from its own copy, nothing is left to do; the next package takes its place.
  assert.equal((await typed('install', { file: copy })).active?.changed, false);
  assert.equal((await typed('upgrade')).exitCode, 0);
  assert.ok(!existsSync(copy));
});

test('a copy that is killed is finished by the same command, and half a copy is never active', async () => {
  const file = join(host.root, 'package-install/loose');
  copyFileSync(files.install, file);
  chmodSync(file, 0o777);
  const worlds: World[] = [];
  await typed('install', { file, copy: true }, (event) => {
    if (event.kind === 'file' && /tiny-2026\.1-/.test(event.path)) worlds.push(host.copy());
    return undefined;
  });
  assert.ok(worlds.length > 4);
  for (const killed of worlds) {
    host.become(killed);
    assert.ok(!existsSync(local('bin/tiny')));
    assert.equal((await typed('install', { file, copy: true })).exitCode, 0);
    assert.ok(readFileSync(activeFile()).equals(readFileSync(file)));
  }
});

test('a copy that installed the release stays when its names go, and is named', async () => {
  const file = join(host.root, 'package-install/loose');
  copyFileSync(files.install, file);
  chmodSync(file, 0o777);
  await typed('install', { file, copy: true });
  const copy = activeFile();
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8')) as { installed: { binary: string } };
  state.installed.binary = copy;
  writeFileSync(path, JSON.stringify(state));
  const gone = await typed('upgrade', { undo: true });
  assert.deepEqual(gone.active?.left, [{ path: copy, why: 'the installed release was installed with it' }]);
  assert.ok(existsSync(copy) && !existsSync(local('bin/tiny')));
});

test('where sudo does not look in bin, the names are in one of its own folders, too', async () => {
  mkdirSync(local('sbin'));
  const cases: [string, boolean][] = [
    [`${local('nowhere')}:${local('sbin')}`, true],
    [`${local('sbin')}:${local('bin')}`, false],
  ];
  for (const [path, isElsewhere] of cases) {
    host.securePath = path;
    const ended = await typed('install');
    assert.equal(ended.exitCode, 0, String(ended.error));
    assert.equal(existsSync(local('sbin/tk')), isElsewhere, path);
    assert.equal(/secure_path/.test(ended.active?.notes.join() ?? ''), isElsewhere);
    assert.equal((await typed('install', { undo: true })).exitCode, 0);
    assert.ok(!existsSync(local('sbin/tk')));
  }
});

for (const [name, isFolder, damage] of [
  ['is damaged', false, (path: string) => writeFileSync(path, '{"files": [')],
  ['is a folder', true, (path: string) => (rmSync(path), mkdirSync(path))],
] as const) {
  test(`a record that ${name}: the names in sudo's folder are still found, by undo and by the next one`, async () => {
    mkdirSync(local('sbin'));
    host.securePath = `${local('nowhere')}:${local('sbin')}`;
    const path = process.env['PATH'];
    // What sudo gives to what it starts.
    process.env['PATH'] = `${host.securePath}:${path}`;
    try {
      const first = await typed('install');
      assert.equal(first.exitCode, 0, String(first.error));
      damage(join(host.folder, '.installer/activation.json'));
      const damaged = host.copy();
      const gone = await typed('install', { undo: true });
      assert.equal(gone.exitCode, 0, String(gone.error));
      assert.deepEqual(readdirSync(local('sbin')), []);
      const isEmpty = /^it is empty; .* rmdir removes it$/;
      const others = gone.active?.left.filter(({ why }) => !isEmpty.test(why)) ?? [];
      assert.equal(others.map(({ why }) => why).join(), isFolder ? 'it is a folder' : '');
      assert.match(JSON.stringify(gone.active?.left), /share\/man\/man8.*it is empty/);
      if (isFolder) return;
      host.become(damaged);
      host.securePath = local('bin');
      const next = await typed('upgrade');
      assert.equal(next.exitCode, 0, String(next.error));
      assert.match(next.active?.notes.join() ?? '', /activation\.json is written anew: /);
      assert.deepEqual([readdirSync(local('sbin')), record().complete], [[], true]);
    } finally {
      process.env['PATH'] = path;
    }
  });
}

test('two at once: the second one is told of the first, and changes nothing', async () => {
  let second: Promise<Invocation> | undefined;
  const first = await typed('install', {}, (event) => {
    if (event.kind === 'file' && event.path.endsWith('/active')) second ??= typed('upgrade');
    return undefined;
  });
  assert.ok(second !== undefined);
  await refused(second, 9, /another run is in progress: "activate" of 2026\.1/);
  assert.deepEqual([first.exitCode, activeFile()], [0, files.install]);
});

test('an upgrade offers it where it is not there yet', async () => {
  const offer = async () => {
    let question: string | undefined;
    await host.command('upgrade', ['install', '--upgrade'], async (given) => {
      const ports = { ...given, machine: { ...given.machine, executable: files.upgrade } };
      question = await activationOffer(ports, makeFiles);
      return { lines: [], data: {} };
    });
    return question;
  };
  assert.equal(await offer(), 'Put Tiny 2026.2 on PATH (tiny, tk, tiny_pgdump)?');
  await typed('upgrade');
  assert.equal(await offer(), undefined);
});

/** `install --upgrade` with these options, by the package of the upgrade. */
async function upgraded(
  options: Record<string, boolean>,
  file = files.upgrade,
  answer: () => Promise<boolean> = async () => true,
) {
  const asked: string[] = [];
  const said: string[] = [];
  const ended = await host.command('upgrade', ['install', '--upgrade'], async (given) => {
    const confirm = (question: string) => (asked.push(question), answer());
    const ports = { ...given, confirm, machine: { ...given.machine, executable: file } };
    const { signal, insist: secondSignal, program, again } = ports;
    const typedOptions = { upgrade: true, ...options };
    const tables = { commands, programs };
    const invocation = {
      args: [],
      options: typedOptions,
      json: false,
      program,
      again,
      signal,
      secondSignal,
      tables,
    };
    const result = await upgradeAndActivate(invocation, ports);
    if (result.refusal === undefined) await offerActivation(invocation, ports, (line) => said.push(line));
    return result;
  });
  return { ...ended, asked, said };
}

test('an upgrade asks at its end; --activate, --no-activate and --yes do not', async () => {
  const asks = await upgraded({});
  assert.equal(asks.exitCode, 0, String(asks.error));
  assert.deepEqual(asks.asked, ['Put Tiny 2026.2 on PATH (tiny, tk, tiny_pgdump)?']);
  assert.match(asks.said.join(), /on PATH now, version 2026\.2/);
  assert.equal(activeFile(), files.upgrade);
  for (const [options, isActive] of [
    [{ activate: true }, true],
    [{ activate: false }, false],
    [{ yes: true }, false],
  ] as const) {
    host.become(installed);
    const silent = await upgraded(options);
    assert.deepEqual([silent.exitCode, silent.asked], [0, []], String(silent.error));
    assert.equal(existsSync(local('bin/tiny')), isActive, JSON.stringify(options));
    assert.equal(silent.result?.data.activation !== undefined, isActive);
    if (isActive) assert.match(silent.result?.lines.join('\n') ?? '', /on PATH now/);
  }
});

test('a stop at its end says that the upgrade has completed, and names what is left', async () => {
  const stops: [exitCode: number, stop: IvaapError][] = [
    [130, new IvaapError('interrupted', 'stopped at the question: nothing was changed', { hint: 'x' })],
    [143, stopRequest('SIGTERM')],
  ];
  for (const [exitCode, stop] of stops) {
    host.become(installed);
    const ended = await upgraded({}, files.upgrade, () => Promise.reject(stop));
    assert.equal(ended.exitCode, exitCode);
    const { message, hint } = describeError(ended.error);
    assert.equal(message, 'the upgrade has completed; putting it on PATH was stopped');
    assert.equal(hint, './tiny activate');
    assert.equal(host.state()?.installed?.version, '2026.2');
    assert.equal(existsSync(local('bin/tiny')), false);
  }
});

test('--activate that cannot be done is refused before the upgrade starts; what comes later is said after it', async () => {
  const loose = join(host.root, 'package-upgrade/loose');
  copyFileSync(files.upgrade, loose);
  chmodSync(loose, 0o777);
  writeFileSync(local('bin/tk'), 'mine');
  await refused(upgraded({ activate: true }), 3, /bin\/tk is not replaced/);
  rmSync(local('bin/tk'));
  const copied = await refused(upgraded({ activate: true }, loose), 2, /--activate does not copy it/);
  assert.match(copied.hint ?? '', /^\.\/tiny install --upgrade; then: \.\/tiny activate --copy$/);
  assert.equal(host.state()?.installed?.version, '2026.1');
  const late = await host.command('upgrade', ['install', '--upgrade'], async (given) => {
    const machine = { ...given.machine, executable: files.upgrade };
    const emit: typeof given.emit = (event) => {
      if (event.type === 'run.completed') writeFileSync(local('bin/tk'), 'mine');
    };
    const { signal, insist: secondSignal, program, again } = given;
    const tables = { commands, programs };
    const options = { upgrade: true, activate: true, yes: true };
    const typedAs = { args: [], options, json: false, program, again, signal, secondSignal, tables };
    return upgradeAndActivate(typedAs, { ...given, machine, emit });
  });
  assert.equal(late.exitCode, 6);
  assert.match(
    String(late.error),
    /the upgrade has completed, but it was not put on PATH: .*tk is not replaced/,
  );
  assert.equal(host.state()?.installed?.version, '2026.2');
  assert.equal(readFileSync(local('bin/tk'), 'utf8'), 'mine');
});
