import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { queryStatus } from '../../../src/queries/status.ts';
import { identityOf } from '../../../src/host/system.ts';
import { extractTarget, extractToFile } from '../../../src/payload/extract-file.ts';
import { payloadFile } from '../../../src/payload/payload-file.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';
import { causeChain } from '../../../src/errors.ts';

/**
 * Two shells on one host. One flow waits, at its question or for the lock, and another one runs to its end
 * meanwhile: whatever the first decides on afterwards is the host as it is then, and nothing that the second
 * has made is lost.
 */

let host: SimulatedHost;
let begin: Record<'install' | 'upgrade', Beginning>;
let worlds: Record<'empty' | 'begun' | 'installed' | 'upgraded', World>;

const valuesPath = () => join(host.folder, 'tiny.values.yaml');
const statePath = () => join(host.folder, '.installer/state.json');
const text = (path: string) => readFileSync(path, 'utf8');

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
  const upgraded = host.copy();
  host.become(begin.install.world);
  await host.run('install', signalAt('values:running', 'SIGINT').watch);
  worlds = {
    empty: begin.install.world,
    begun: host.copy(),
    installed: begin.upgrade.world,
    upgraded,
  };
});
after(() => host.close());

type Code = number;

/** What another shell does while a flow waits; the exit code. */
const others = {
  install: async () => (await host.run('install')).exitCode,
  'install that is stopped': async () =>
    (await host.run('install', signalAt('chart:running', 'SIGINT').watch)).exitCode,
  upgrade: async () => (await host.run('upgrade')).exitCode,
  reapply: async () => (await host.run('upgrade', undefined, { reapply: true })).exitCode,
  'install --dry-run': async () => (await host.run('install', undefined, { dryRun: true })).exitCode,
  'upgrade --dry-run': async () => (await host.run('upgrade', undefined, { dryRun: true })).exitCode,
  status: async () => {
    const { signal } = new AbortController();
    const { state } = await queryStatus({ machine: host.machine('upgrade'), signal, program: './tiny' });
    assert.ok(state.known);
    return 0;
  },
  extract: async () => {
    const payload = await openPayload(host.machine('upgrade').executable);
    const name = (await payload.index()).archives[0]?.name ?? '';
    const to = join(host.root, 'extracted');
    rmSync(to, { force: true });
    await extractToFile(
      await payloadFile(payload, name),
      await extractTarget(to, name, { ourselves: '', asRoot: '' }),
      {},
    );
    await payload.close();
    return 0;
  },
  /** A colleague does the whole work. */
  'install, edit, upgrade': async () => {
    const installed = await host.run('install');
    writeFileSync(valuesPath(), `${text(valuesPath())}extra: "of a colleague"\n`);
    const { exitCode } = await host.run('upgrade');
    return Math.max(installed.exitCode, exitCode);
  },
  'a values file is put there': async () => {
    mkdirSync(host.folder, { recursive: true });
    writeFileSync(valuesPath(), 'host: "other.example"\n');
    return 0;
  },
  'data come into the folder of the database': async () => {
    mkdirSync(join(host.root, 'storage'), { recursive: true });
    writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
    return 0;
  },
} satisfies Record<string, () => Promise<Code>>;

type Other = keyof typeof others;

/** Exit codes of the other one, then of the one that had waited at its question. */
const table: Record<
  string,
  { world: keyof typeof worlds; waiting: () => Waiting; rows: Partial<Record<Other, [Code, Code]>> }
> = {
  'install on an empty host': {
    world: 'empty',
    waiting: () => ['install', { yes: false }],
    rows: {
      install: [0, 3],
      'install that is stopped': [130, 0],
      upgrade: [5, 0],
      reapply: [5, 0],
      'install --dry-run': [0, 0],
      'upgrade --dry-run': [5, 0],
      status: [0, 0],
      extract: [0, 0],
      'install, edit, upgrade': [0, 3],
      'a values file is put there': [0, 3],
      'data come into the folder of the database': [0, 3],
    },
  },
  'install that goes on': {
    world: 'begun',
    waiting: () => ['install', { yes: false }],
    rows: {
      install: [9, 0],
      upgrade: [9, 0],
      reapply: [9, 0],
      'install --dry-run': [9, 0],
      'upgrade --dry-run': [9, 0],
      status: [0, 0],
      extract: [0, 0],
    },
  },
  reapply: {
    world: 'upgraded',
    waiting: () => ['upgrade', { yes: false, reapply: true }],
    rows: {
      install: [9, 0],
      upgrade: [9, 0],
      reapply: [9, 0],
      'install --dry-run': [9, 0],
      'upgrade --dry-run': [9, 0],
      status: [0, 0],
      extract: [0, 0],
    },
  },
};

type Waiting = ['install' | 'upgrade', { yes: boolean; reapply?: boolean }];

const said = ({ error }: Invocation) => causeChain(error).join(': ');

for (const [name, { world, waiting, rows }] of Object.entries(table)) {
  for (const [other, [otherCode, code]] of Object.entries(rows)) {
    test(`${name} waits at its question, meanwhile: ${other}`, async () => {
      host.become(worlds[world]);
      const left = { state: '', values: '' };
      let asked = 0;
      const [flow, options] = waiting();
      const ended = await host.run(flow, undefined, options, {
        confirm: async () => {
          asked += 1;
          if (asked > 1) return true;
          assert.equal(await others[other as Other](), otherCode);
          if (code === 3 && other.startsWith('install')) {
            left.state = text(statePath());
            left.values = text(valuesPath());
          }
          return true;
        },
      });
      assert.equal(ended.exitCode, code, said(ended));
      // What another shell has begun meanwhile is gone on with, which is another question.
      assert.equal(asked, other === 'install that is stopped' ? 2 : 1);
      assert.deepEqual(host.violations, []);
      if (left.state === '') return;
      assert.match(said(ended), /is already installed on this host/);
      assert.equal(text(statePath()), left.state, 'the state is what the other one made');
      assert.equal(text(valuesPath()), left.values, 'the values file is what the other one made');
    });
  }
}

test('an answer holds only for the question that was asked: a colleague who started with another name is asked about', async () => {
  host.become(worlds.empty);
  const questions: string[] = [];
  const ended = await host.run(
    'install',
    undefined,
    { yes: false },
    {
      confirm: async (question) => {
        questions.push(question);
        if (questions.length === 1) {
          await host.run('install', signalAt('chart:running', 'SIGINT').watch);
          writeFileSync(
            valuesPath(),
            text(valuesPath()).replace(/^storage: .*$/m, `storage: "${host.root}/elsewhere"`),
          );
        }
        return true;
      },
    },
  );
  // The folder is made known by the file: the same question would not be true any more.
  assert.equal(questions.length, 2, said(ended));
  assert.match(questions[1] ?? '', /elsewhere/);
});

test('a values file that is saved while --reapply waits is read again, and one that is saved later stops before Helm', async () => {
  host.become(worlds.upgraded);
  const reapplied = await host.run(
    'upgrade',
    undefined,
    { yes: false, reapply: true },
    {
      confirm: async () => {
        writeFileSync(valuesPath(), `${text(valuesPath())}extra: "saved meanwhile"\n`);
        return true;
      },
    },
  );
  assert.equal(reapplied.exitCode, 0, said(reapplied));

  host.become(worlds.installed);
  const before = JSON.stringify(host.cluster.list('Secret', 'tiny', 'owner=helm,name=tiny'));
  const late = await host.run('upgrade', (event) => {
    if (event.kind === 'place' && event.place === 'upgrade_migrate:verified')
      writeFileSync(valuesPath(), `${text(valuesPath())}extra: "saved late"\n`);
    return undefined;
  });
  assert.equal(late.exitCode, 6);
  assert.match(said(late), /tiny\.values\.yaml was changed during this run/);
  assert.equal(JSON.stringify(host.cluster.list('Secret', 'tiny', 'owner=helm,name=tiny')), before);
  await assertGoesOn();
});

async function assertGoesOn(): Promise<void> {
  const again = await host.run('upgrade');
  assert.equal(again.exitCode, 0, said(again));
}

/** Puts the other's state and cluster there while somebody waits for the lock: its file stays. */
function finishInItsPlace(world: World): void {
  copyFileSync(join(world.folder, 'product/.installer/state.json'), statePath());
  host.cluster.state = structuredClone(world.cluster);
}

/** A run that died holds the lock through its Helm: the same state with a Helm that is this very process. */
function holdForAnOrphan(flow: 'install' | 'upgrade'): number {
  const state = JSON.parse(text(statePath()));
  const times = Object.fromEntries(
    ['begunAt', 'until', 'latest'].map((key) => [key, new Date().toISOString()]),
  );
  const helm = {
    ...identityOf(process.pid),
    verb: flow,
    ...times,
    revisionBefore: 0,
    values: '',
    payload: '',
  };
  writeFileSync(statePath(), JSON.stringify({ ...state, helm: { process: helm } }));
  const lock = join(host.folder, '.installer/lock');
  const dead = { pid: 2 ** 22 + 1, startTime: 1, bootId: '', command: flow, version: '', since: '', by: '' };
  writeFileSync(lock, JSON.stringify(dead));
  const descriptor = openSync(lock, 'r+');
  assert.equal(
    spawnSync('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] }).status,
    0,
  );
  return descriptor;
}

const lockWaits: [Waiting | ['install' | 'upgrade', { dryRun: true }], 'install' | 'upgrade', Code][] = [
  [['install', { yes: true }], 'install', 3],
  [['install', { dryRun: true }], 'install', 3],
  [['upgrade', { yes: true }], 'upgrade', 10],
  [['upgrade', { dryRun: true }], 'upgrade', 10],
  [['upgrade', { yes: true, reapply: true }], 'upgrade', 0],
];

for (const [[flow, options], orphan, code] of lockWaits) {
  test(`${flow} ${JSON.stringify(options)} waits for the lock, and decides on what the Helm of a dead ${orphan} has left`, async () => {
    host.become(worlds[orphan === 'install' ? 'empty' : 'installed']);
    const last = orphan === 'install' ? 'helm_deploy:verified' : 'upgrade_helm:verified';
    await host.run(orphan, signalAt(last, 'SIGINT').watch);
    const descriptor = holdForAnOrphan(orphan);
    let waited = false;
    const ended = await host.run(flow, undefined, options, {
      emit: (event) => {
        if (event.type !== 'task.progress' || event.task !== 'orphaned-helm' || waited) return;
        waited = true;
        finishInItsPlace(worlds[orphan === 'install' ? 'installed' : 'upgraded']);
        closeSync(descriptor);
      },
    });
    assert.ok(waited, said(ended));
    assert.equal(ended.exitCode, code, said(ended));
  });
}
