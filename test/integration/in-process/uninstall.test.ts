import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { apiServerDown } from '../../fixtures/in-process-host/faults.ts';
import { watchEffects } from '../../fixtures/in-process-host/effects.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { claim, namespace } from '../../fixtures/in-process-host/product.ts';
import { removedOutcome } from '../../fixtures/in-process-host/removed.ts';

/** `uninstall` over the simulated host: what it removes, what it keeps, and what stops it. */

let host: SimulatedHost;
let empty: World;
let emptyOutcome: ReturnType<typeof removedOutcome>;
let installed: World;
let upgraded: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  emptyOutcome = structuredClone(removedOutcome(host));
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1', 'Troll A-2');
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error instanceof IvaapError ? (error.hint ?? '') : '');
const leftOf = ({ result }: Invocation) => (result?.data.left ?? []) as { what: string; command: string }[];
const last = () => join(host.root, 'last');
const ofLast = /^last(\/| )/;
const tree = () => removedOutcome(host);
const isAsBefore = (what: string) => {
  const { cluster, files } = tree();
  assert.deepEqual(cluster, emptyOutcome.cluster, what);
  assert.deepEqual(
    files.filter((line) => !ofLast.test(line)),
    emptyOutcome.files,
    what,
  );
};

test('the host is as it was before the install, but for the folder with what is kept', async () => {
  for (const world of [installed, upgraded]) {
    host.become(world);
    const ended = await host.run('uninstall', watchEffects(host));
    assert.equal(ended.exitCode, 0, said(ended));
    assert.deepEqual(host.violations, []);
    isAsBefore('after the uninstall');
    const kept = tree().files.filter((line) => ofLast.test(line));
    const dump = kept.find((line) => line.startsWith('last/TIME/tinydb.sql'));
    assert.match(dump ?? '', /"rows":\["Troll A-1","Troll A-2"\]/);
    for (const name of ['tiny.values.yaml', 'uninstall.json', 'state.json']) {
      assert.ok(
        kept.some((line) => line.startsWith(`last/${name} 600`)),
        `${name}: ${kept.join('\n')}`,
      );
    }
    const hasBackups = kept.some((line) => line.startsWith('last/backups/TIME/tinydb.sql'));
    assert.equal(hasBackups, world === upgraded, 'the anchor of the upgrade');
    assert.ok(
      kept.some((line) => line.startsWith('last/logs/TIME.jsonl')),
      'the log of the run',
    );
    assert.equal((await host.run('uninstall')).exitCode, 10, 'nothing is left to do');
  }
});

test('--delete-backups deletes what an upgrade has kept', async () => {
  host.become(upgraded);
  assert.equal((await host.run('uninstall', undefined, { deleteBackups: true })).exitCode, 0);
  isAsBefore('--delete-backups');
  assert.ok(!existsSync(join(last(), 'backups')));
});

test('without --dump-to the folder lies beside the product', async () => {
  const ended = await host.run('uninstall', undefined, { dumpTo: undefined });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(String(ended.result?.data.keptIn), /\/tiny-last-\d{8}T\d{6}Z$/);
  assert.ok(existsSync(String(ended.result?.data.dump)));
});

test('--keep-data keeps folder and secrets, and an install over them has both again', async () => {
  const password = () => host.cluster.get('Secret', 'tiny-password', namespace)?.data;
  const before = password();
  const ended = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(ended.exitCode, 0, said(ended));
  const record = join(host.root, 'storage.kept.json');
  const kept = JSON.parse(readFileSync(record, 'utf8'));
  assert.deepEqual(
    [kept.product, kept.version, kept.schemaVersion, kept.postgresMajor, Object.keys(kept.secrets)],
    ['tiny', '2026.1', 1, 15, ['tiny-password', 'tiny-token']],
  );
  assert.ok(tree().files.some((line) => line.startsWith('storage.kept.json 600')));
  assert.equal(readFileSync(join(host.root, 'storage/PG_VERSION'), 'utf8'), '15\n');
  const shown = JSON.stringify(ended);
  for (const secret of Object.values(kept.secrets['tiny-password'] as object))
    assert.ok(!shown.includes(secret));

  const again = await host.run('install');
  assert.equal(again.exitCode, 0, said(again));
  assert.deepEqual(password(), before);
  assert.equal(readFileSync(join(host.root, 'storage/PG_VERSION'), 'utf8'), '15\n');
  assert.ok(!existsSync(record), 'an installation again: the secrets are in the cluster');
  const gone = await host.run('uninstall', undefined, { dumpTo: join(host.root, 'last/second') });
  assert.equal(gone.exitCode, 0, said(gone));
  isAsBefore('after both');
});

test('kept data are refused by a release that cannot work with them', async () => {
  host.become(upgraded);
  assert.equal((await host.run('uninstall', undefined, { keepData: true })).exitCode, 0);
  const record = join(host.root, 'storage.kept.json');
  const kept = readFileSync(record, 'utf8');
  const older = await host.run('install');
  assert.equal(older.exitCode, 5);
  assert.match(said(older), /have schema version 2, and 2026\.1 knows versions up to 1/);
  for (const [change, message] of [
    ['"postgresMajor": 14', /are of PostgreSQL 14, and 2026\.1 runs PostgreSQL 15/],
    ['"product": "other"', /are of other, not of tiny/],
  ] as const) {
    const [key] = change.split(':');
    writeFileSync(
      record,
      kept.replace(new RegExp(`${key}: [^,]+`), change).replace('"schemaVersion": 2', '"schemaVersion": 1'),
    );
    const refused = await host.run('install');
    assert.equal(refused.exitCode, 5, change);
    assert.match(said(refused), message);
  }
  for (const text of ['', '{', '{"format": 1}', kept.replace('/storage"', '/elsewhere"')]) {
    writeFileSync(record, text);
    assert.equal((await host.run('install')).exitCode, 3, text);
  }
});

test('an install, an upgrade or an uninstall that was cut off is removed as well', async () => {
  const cuts: [flow: 'install' | 'upgrade' | 'rollback', world: World, place: string][] = [
    ['install', empty, 'namespace:running'],
    ['install', empty, 'postgres:folder-made'],
    ['install', empty, 'load_images:running'],
    ['install', empty, 'helm_deploy:running'],
    ['rollback', installed, 'undo_helm_deploy:running'],
    ['rollback', installed, 'undo_postgres:volume-deleted'],
    ['rollback', installed, 'undo_namespace:running'],
    ['upgrade', installed, 'upgrade_chart_swap:running'],
    ['upgrade', installed, 'upgrade_helm:verified'],
  ];
  for (const [flow, world, place] of cuts) {
    host.become(world);
    let cut: World | undefined;
    const ended = await host.run(flow, (event) => {
      if (event.kind === 'place' && event.place === place) cut = host.copy();
      return undefined;
    });
    assert.ok(cut, `${place}: ${said(ended)}`);
    host.become(cut);
    const removed = await host.run('uninstall');
    assert.equal(removed.exitCode, 0, `${place}: ${said(removed)} ${hintOf(removed)}`);
    isAsBefore(place);
  }
});

test('what is not ours stays and is named, and the namespace with it', async () => {
  const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'dashboards', namespace } };
  host.cluster.apply(theirs);
  writeFileSync(join(host.folder, 'notes.txt'), 'theirs');
  writeFileSync(join(host.folder, 'connectors/mine.tar.gz'), 'theirs');
  const image = Object.keys(host.cluster.state.images).find((name) => name.includes('/server:'))!;
  const spec = { containers: [{ name: 'x', image }] };
  host.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'user', namespace: 'other' }, spec });
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  const left = leftOf(ended).map(({ what }) => what);
  assert.deepEqual(left, [
    'configmap/dashboards',
    `namespace/${namespace}`,
    join(host.folder, 'connectors/mine.tar.gz'),
    join(host.folder, 'notes.txt'),
  ]);
  const objects = Object.keys(host.cluster.state.objects).filter((key) => key.includes(`/${namespace}`));
  assert.deepEqual(objects.sort(), [`ConfigMap/${namespace}/dashboards`, `Namespace/${namespace}`]);
  assert.equal(readFileSync(join(host.folder, 'notes.txt'), 'utf8'), 'theirs');
  const { labels } = host.cluster.state.images[image]!;
  assert.deepEqual(Object.keys(labels), ['io.cri-containerd.image'], 'it lost our pin and nothing else');
  assert.ok(!existsSync(join(host.folder, '.installer')));
});

test('an image stays for a pod of others that stays in the namespace', async () => {
  const image = Object.keys(host.cluster.state.images).find((name) => name.includes('/server:'))!;
  const spec = { containers: [{ name: 'x', image }] };
  host.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'theirs', namespace }, spec });
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.notEqual(host.cluster.get('Pod', 'theirs', namespace), undefined);
  assert.deepEqual(Object.keys(host.cluster.state.images[image]?.labels ?? {}), ['io.cri-containerd.image']);
});

/** What makes it refuse, the exit code, what it says, and what it names as the way out. */
const refusals: Record<
  string,
  { make?: () => void; options?: object; given?: object; code: number; says: RegExp; hint: RegExp }
> = {
  'nothing installed': {
    make: () => host.become(empty),
    code: 10,
    says: /nothing is installed on this host/,
    hint: /install --help/,
  },
  'the state of another product': {
    make: () => {
      const path = join(host.folder, '.installer/state.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"product": "tiny"', '"product": "other"'));
    },
    code: 5,
    says: /belongs to other, not to tiny/,
    hint: /executable of other/,
  },
  'a damaged state': {
    make: () => writeFileSync(join(host.folder, '.installer/state.json'), '{'),
    code: 3,
    says: /is damaged/,
    hint: /repair-state/,
  },
  'another name': {
    options: { confirm: 'other' },
    code: 2,
    says: /not the name of this product, tiny/,
    hint: /--dry-run/,
  },
  'no terminal': {
    options: { confirm: undefined },
    code: 2,
    says: /there is no terminal/,
    hint: /--confirm tiny/,
  },
  '--yes without a terminal': {
    options: { confirm: undefined },
    given: { typed: ['--yes'] },
    code: 2,
    says: /there is no terminal/,
    hint: /uninstall --confirm tiny$/,
  },
  'a name that is not typed': {
    options: { confirm: undefined },
    given: { confirm: async () => false },
    code: 1,
    says: /nothing was changed/,
    hint: /uninstall/,
  },
  '--dump-to in the folder': {
    options: { dumpTo: 'FOLDER/last' },
    code: 2,
    says: /lies in .*product, which is deleted/,
    hint: /--dump-to FOLDER/,
  },
  '--dump-to is the data folder': {
    options: { dumpTo: 'STORAGE' },
    code: 2,
    says: /is deleted/,
    hint: /--dump-to FOLDER/,
  },
  '--dump-to through a link': {
    make: () => symlinkSync(host.folder, join(host.root, 'link')),
    options: { dumpTo: 'ROOT/link/last' },
    code: 2,
    says: /lies in .*product, which is deleted/,
    hint: /--dump-to FOLDER/,
  },
  '--dump-to that goes with k3s': {
    options: { dumpTo: '/var/lib/rancher/k3s/last' },
    code: 2,
    says: /lies in \/var\/lib\/rancher\/k3s, which k3s-uninstall\.sh deletes/,
    hint: /--dump-to FOLDER/,
  },
  '--dump-to -': {
    options: { dumpTo: '-' },
    code: 2,
    says: /- is not taken for standard input or output/,
    hint: /\.\/-/,
  },
  '--dump-to that holds files': {
    make: () => {
      mkdirSync(join(host.root, 'full'));
      writeFileSync(join(host.root, 'full/a'), '');
    },
    options: { dumpTo: 'ROOT/full' },
    code: 2,
    says: /is not empty/,
    hint: /--dump-to FOLDER/,
  },
  '--dump-to where all may write': {
    options: { dumpTo: '/tmp/last' },
    code: 3,
    says: /changed by other users/,
    hint: /name a path that only root can change/,
  },
  'a database that is down': {
    make: () => host.cluster.delete('Pod', 'db-0', namespace),
    code: 3,
    says: /no last dump can be taken/,
    hint: /--skip-backup/,
  },
  'a pod of others on the claim': {
    make: () => {
      const spec = { containers: [], volumes: [{ persistentVolumeClaim: { claimName: claim } }] };
      host.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'psql', namespace }, spec });
    },
    code: 3,
    says: /pod\/psql .* uses the claim tiny-db/,
    hint: /delete -n tiny pod\/psql/,
  },
  '--keep-data without the cluster': {
    options: { keepData: true, withoutCluster: true, skipBackup: true },
    code: 2,
    says: /needs the cluster/,
    hint: /--keep-data/,
  },
};
for (const [name, { make, options = {}, given = {}, code, says, hint }] of Object.entries(refusals)) {
  test(`refused before anything is removed: ${name}`, async () => {
    make?.();
    const filled = Object.fromEntries(
      Object.entries(options).map(([key, value]) => [
        key,
        typeof value === 'string'
          ? value
              .replace('FOLDER', host.folder)
              .replace('STORAGE', join(host.root, 'storage'))
              .replace('ROOT', host.root)
          : (value as boolean | undefined),
      ]),
    );
    const before = structuredClone(tree());
    const ended = await host.run('uninstall', undefined, filled, given);
    assert.equal(ended.exitCode, code, said(ended));
    assert.match(said(ended), says);
    assert.match(hintOf(ended), hint);
    const now = tree();
    const withoutRun = (files: string[]) =>
      files.filter((line) => !/\.installer\/(lock|scan-receipt)/.test(line));
    assert.deepEqual(now.cluster, before.cluster);
    assert.deepEqual(withoutRun(now.files), withoutRun(before.files));
  });
}

test('with the cluster down the host is left alone, unless it is left out: then what stays is named', async () => {
  const refused = await host.run('uninstall', apiServerDown);
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(hintOf(refused), /--without-cluster --skip-backup/);
  assert.ok(existsSync(join(host.folder, 'tiny.values.yaml')));

  const ended = await host.run('uninstall', apiServerDown, { withoutCluster: true, skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(!existsSync(host.folder) && !existsSync(join(host.root, 'storage')));
  const left = leftOf(ended);
  assert.deepEqual(
    left.map(({ command }) => command),
    [
      'k3s kubectl delete namespace tiny',
      'k3s kubectl delete persistentvolume tiny-db',
      `./tiny uninstall --dump-to ${last()}`,
    ],
  );
  const record = JSON.parse(readFileSync(join(last(), 'uninstall.json'), 'utf8'));
  assert.equal(typeof record.skippedBackup.at, 'string');
  assert.equal(record.withoutCluster, true);
});

/** Uninstalled while the API server was away, into the usual folder. */
async function uninstalledWithoutCluster(options: { dumpTo?: string | undefined } = { dumpTo: undefined }) {
  const choices = { withoutCluster: true, skipBackup: true, ...options };
  const ended = await host.run('uninstall', apiServerDown, choices);
  assert.equal(ended.exitCode, 0, said(ended));
  return String(ended.result?.data.keptIn);
}
const withoutKept = (keptIn: string) => {
  const { cluster, files } = tree();
  assert.deepEqual(cluster, emptyOutcome.cluster);
  const name = relative(host.root, keptIn).replace(/\d{8}T\d{6}Z/, 'TIME');
  assert.deepEqual(
    files.filter((line) => !line.startsWith(name)),
    emptyOutcome.files,
  );
};

test('a cluster that was left out and is back: status says what it holds, and uninstall removes it', async () => {
  for (const world of [installed, upgraded]) {
    host.become(world);
    const keptIn = await uninstalledWithoutCluster();
    const { host: onHost } = await host.status('install');
    const { message = '', hint } = onHost?.advice ?? {};
    assert.match(
      message,
      /was uninstalled at \d\S+Z without its cluster, which is back and still holds the release/,
    );
    assert.match(
      message,
      /the namespace tiny with its claims and Secrets, the volume tiny-db\. What was kept is in /,
    );
    assert.ok(message.includes(keptIn), message);
    assert.equal(hint, './tiny uninstall');
    for (const refused of [
      await host.repair('install'),
      await host.run('install'),
      await host.run('upgrade'),
      await host.run('rollback'),
    ]) {
      assert.notEqual(refused.exitCode, 0);
      assert.match(said(refused), /without its cluster, which is back/);
      assert.equal(hintOf(refused), './tiny uninstall');
    }
    assert.equal((await host.run('uninstall', undefined, { dumpTo: undefined, dryRun: true })).exitCode, 0);
    const rest = await host.run('uninstall', undefined, { dumpTo: undefined });
    assert.equal(rest.exitCode, 0, `${said(rest)} ${hintOf(rest)}`);
    assert.equal(rest.result?.data.keptIn, keptIn);
    assert.deepEqual(host.violations, []);
    withoutKept(keptIn);
    const record = JSON.parse(readFileSync(join(keptIn, 'uninstall.json'), 'utf8'));
    assert.equal(record.withoutCluster, false);
    assert.equal(typeof record.skippedBackup.at, 'string', 'who gave the data up is still known');
    assert.equal((await host.run('uninstall', undefined, { dumpTo: undefined })).exitCode, 10);
  }
});

test('the rest of it can be killed at every place, and the same command ends it', async () => {
  const keptIn = await uninstalledWithoutCluster();
  const cuts: [string, World][] = [];
  await host.run(
    'uninstall',
    (event) => {
      if (event.kind === 'place') cuts.push([event.place, host.copy()]);
      return undefined;
    },
    { dumpTo: undefined },
  );
  assert.ok(cuts.some(([place]) => place === 'uninstall_images:running'));
  for (const [place, world] of cuts) {
    host.become(world);
    const ended = await host.run('uninstall', undefined, { dumpTo: undefined });
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)} ${hintOf(ended)}`);
    withoutKept(keptIn);
  }
});

test('rows that came after it are dumped before the rest is removed', async () => {
  const keptIn = await uninstalledWithoutCluster();
  mkdirSync(join(host.root, 'storage'));
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll B-1');
  const rest = await host.run('uninstall', undefined, { dumpTo: undefined });
  assert.equal(rest.exitCode, 0, `${said(rest)} ${hintOf(rest)}`);
  assert.match(readFileSync(String(rest.result?.data.dump), 'utf8'), /Troll B-1/);
  withoutKept(keptIn);
});

test('what it kept elsewhere is found where --dump-to names it', async () => {
  await uninstalledWithoutCluster({ dumpTo: last() });
  const rest = await host.run('uninstall', undefined, { dumpTo: last() });
  assert.equal(rest.exitCode, 0, `${said(rest)} ${hintOf(rest)}`);
  isAsBefore('the rest');
});

test('where its objects were removed by hand, it still removes the images', async () => {
  const keptIn = await uninstalledWithoutCluster();
  const { objects } = host.cluster.state;
  for (const key of Object.keys(objects)) if (key.includes('tiny')) delete objects[key];
  const rest = await host.run('uninstall', undefined, { dumpTo: undefined });
  assert.equal(rest.exitCode, 0, `${said(rest)} ${hintOf(rest)}`);
  withoutKept(keptIn);
});

test('an installation that was made since is not taken for its rest', async () => {
  await uninstalledWithoutCluster();
  assert.equal((await host.run('uninstall', undefined, { dumpTo: undefined })).exitCode, 0);
  const [folder = ''] = readdirSync(host.root).filter((name) => name.startsWith('tiny-last-'));
  const path = join(host.root, folder, 'uninstall.json');
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('"withoutCluster": false', '"withoutCluster": true'),
  );
  assert.equal((await host.run('install')).exitCode, 0);
  for (const one of Object.values(host.cluster.state.objects))
    one.metadata.creationTimestamp = new Date(Date.now() + 60_000).toISOString();
  rmSync(join(host.folder, '.installer/state.json'));
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 5);
  assert.match(said(refused), /its state is lost/);
});

test('one that was cut off without the cluster has begun to remove', async () => {
  let cut: World | undefined;
  await host.run(
    'uninstall',
    (event) => {
      if (event.kind === 'place' && event.place === 'uninstall_data:verified') cut = host.copy();
      return apiServerDown(event);
    },
    { withoutCluster: true, skipBackup: true },
  );
  host.become(cut!);
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 5, said(refused));
  assert.match(hintOf(refused), /uninstall/);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  isAsBefore('with the cluster');
});

test('repair-state says that the data are gone before it asks', async () => {
  rmSync(join(host.folder, '.installer/state.json'));
  renameSync(join(host.root, 'storage'), join(host.root, 'storage.old'));
  const dry = await host.repair('install', { dryRun: true, yes: false });
  assert.equal(dry.exitCode, 0, said(dry));
  const proposal = (dry.result?.data.proposal ?? []) as string[];
  assert.match(proposal[0] ?? '', /the data folder \S+storage is gone: .* without the rows of before/);
  assert.match(proposal[1] ?? '', /beside it: \S+storage\.old; /);
  let asked = false;
  const confirm = async () => (asked = true);
  const written = await host.repair('install', { yes: false }, { confirm });
  assert.ok(asked);
  assert.match(JSON.stringify(written.shown), /the data folder \S+storage is gone/);
  assert.match(written.result?.lines.join('\n') ?? '', /the data folder \S+storage is gone/);
  mkdirSync(join(host.root, 'storage'));
  rmSync(join(host.folder, '.installer/state.json'));
  const empty = await host.repair('install', { dryRun: true, yes: false });
  assert.match(JSON.stringify(empty.result?.data), /the data folder \S+storage is empty/);
});

test('a dry run shows what would be deleted, and changes nothing', async () => {
  const before = structuredClone(tree());
  const { exitCode, result } = await host.run('uninstall', undefined, { dryRun: true, confirm: undefined });
  assert.equal(exitCode, 0);
  const text = JSON.stringify(result?.plan);
  for (const part of [
    'persistentvolumeclaim/tiny-db',
    '"sizeBytes":8000',
    '"rows":2',
    'registry.example/tiny/server:2026.1',
  ]) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.match(result?.plan?.stake.join('\n') ?? '', /^ {2}database +.* about 2 rows, schema version 1$/m);
  assert.deepEqual(tree().cluster, before.cluster);
  assert.deepEqual(
    tree().files.filter((line) => !line.includes('.installer/lock')),
    before.files.filter((line) => !line.includes('.installer/lock')),
  );
});

test('the name is asked for with all that goes, and the answer is the name alone', async () => {
  let asked = '';
  let expected: string | undefined;
  const confirm = async (question: string, word?: string) => {
    asked = question;
    expected = word;
    return true;
  };
  const metadata = { name: 'by-hand', namespace };
  host.cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  const ended = await host.run('uninstall', undefined, { confirm: undefined }, { confirm });
  // Shown once: what stays is not among what is deleted, and nothing of it is shown again.
  assert.match(asked, /objects {4}in the namespace \S+, which stays: \d+ objects/);
  assert.match(asked, /stays: configmap\/by-hand in /);
  assert.doesNotMatch(asked, /^ +namespace /m);
  const messages = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.ok(!messages.some((line) => /stays: |this deletes|^ {2}release /.test(line)), messages.join('\n'));
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(expected, 'tiny');
  for (const part of [
    /tiny-db/,
    /7\.81 KiB/,
    /about 2 rows/,
    /\d images/,
    /2026\.1, revision 1, deployed/,
    /last/,
  ]) {
    assert.match(asked, part);
  }
});

test('once it removes, install and upgrade are refused; before that an upgrade goes on', async () => {
  const worlds: Record<string, World> = {};
  await host.run('uninstall', (event) => {
    if (event.kind === 'place') worlds[event.place] = host.copy();
    return undefined;
  });
  host.become(worlds['uninstall_objects:running']!);
  for (const flow of ['install', 'upgrade'] as const) {
    const refused = await host.run(flow);
    assert.equal(refused.exitCode, 5, `${flow}: ${said(refused)}`);
    assert.match(hintOf(refused), /uninstall/);
  }
  host.become(worlds['uninstall_record:verified']!);
  const upgrade = await host.run('upgrade');
  assert.equal(upgrade.exitCode, 0, said(upgrade));
});

test('the same choices are typed again, or it says which', async () => {
  let cut: World | undefined;
  const choices = { keepData: true };
  await host.run(
    'uninstall',
    (event) => {
      if (event.kind === 'place' && event.place === 'uninstall_objects:running') cut = host.copy();
      return undefined;
    },
    choices,
  );
  host.become(cut!);
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 2);
  assert.match(hintOf(refused), /uninstall --keep-data/);
  assert.equal((await host.run('uninstall', undefined, choices)).exitCode, 0);
  assert.ok(existsSync(join(host.root, 'storage/PG_VERSION')));
});

test('another package of the product goes on with it', async () => {
  let cut: World | undefined;
  await host.run('uninstall', (event) => {
    if (event.kind === 'place' && event.place === 'uninstall_data:running') cut = host.copy();
    return undefined;
  });
  host.become(cut!);
  const ended = await host.run('uninstall', undefined, {}, { file: 'upgrade' });
  assert.equal(ended.exitCode, 0, said(ended));
  isAsBefore('another package');
  assert.ok(tree().files.some((line) => line.startsWith('last/TIME/tinydb.sql')));
});

test('data that lie in the folder of the product are kept with their record, and nothing else is', async () => {
  host.become(empty);
  const storagePath = join(host.folder, 'postgres');
  assert.equal((await host.run('install', undefined, { storagePath })).exitCode, 0);
  writeFileSync(join(storagePath, 'PG_VERSION'), '15\n');
  const kept = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(kept.exitCode, 0, said(kept));
  assert.deepEqual(leftOf(kept), []);
  assert.deepEqual(readdirSync(host.folder).sort(), ['postgres', 'postgres.kept.json']);
  const again = await host.run('install', undefined, { storagePath });
  assert.equal(again.exitCode, 0, said(again));
  const gone = await host.run('uninstall', undefined, { dumpTo: join(host.root, 'last/second') });
  assert.equal(gone.exitCode, 0, said(gone));
  isAsBefore('with the data in the folder');
});

test('a data folder that was there before is left as it was, empty', async () => {
  host.become(empty);
  const storagePath = join(host.root, 'made/before');
  mkdirSync(storagePath, { recursive: true, mode: 0o750 });
  chownSync(storagePath, 7, 8);
  assert.equal((await host.run('install', undefined, { storagePath })).exitCode, 0);
  writeFileSync(join(storagePath, 'PG_VERSION'), '15\n');
  const gone = await host.run('uninstall');
  assert.equal(gone.exitCode, 0, said(gone));
  const { uid, gid, mode } = statSync(storagePath);
  assert.deepEqual([uid, gid, mode & 0o7777, readdirSync(storagePath)], [7, 8, 0o750, []]);

  host.become(empty);
  rmSync(join(host.root, 'made'), { recursive: true, force: true });
  assert.equal((await host.run('install', undefined, { storagePath })).exitCode, 0);
  assert.equal((await host.run('uninstall')).exitCode, 0);
  assert.ok(!existsSync(join(host.root, 'made')), 'the parents that the install made go with it');
});

test('who skips the dump later than at the start is recorded where it survives', async () => {
  const dumpFails = (event: { kind: string; phase?: string; argv?: readonly string[] }) =>
    event.kind === 'program' && event.phase === 'before' && event.argv?.includes('pg_dump') === true
      ? new IvaapError('failed', 'a table is locked', { hint: 'wait' })
      : undefined;
  assert.equal((await host.run('uninstall', dumpFails)).exitCode, 6);
  const ended = await host.run('uninstall', undefined, { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  const record = JSON.parse(readFileSync(join(last(), 'uninstall.json'), 'utf8'));
  assert.equal(typeof record.skippedBackup.by, 'string');
  assert.equal(record.lastDump, null);
});

test('status names the command that ends an uninstall, also one whose steps are all done', async () => {
  const worlds: World[] = [];
  await host.run('uninstall', () => {
    if (host.state()?.run?.status === 'completed' && host.state()?.run?.flow === 'uninstall')
      worlds.push(host.copy());
    return undefined;
  });
  host.become(worlds[0]!);
  const { waysOut } = await host.status('install');
  assert.match(waysOut?.forward ?? '', / uninstall/);
  const refused = await host.run('install');
  assert.equal(refused.exitCode, 5, said(refused));
  assert.equal((await host.run('uninstall')).exitCode, 0);
  isAsBefore('after its end');
});

test('an empty folder of the product is removed only where a record says that it was uninstalled', async () => {
  host.become(empty);
  mkdirSync(host.folder);
  assert.equal((await host.run('uninstall')).exitCode, 10);
  assert.ok(existsSync(host.folder), 'the place of a disk, maybe');
  host.become(installed);
  assert.equal((await host.run('uninstall')).exitCode, 0);
  mkdirSync(host.folder);
  assert.equal((await host.run('uninstall')).exitCode, 0);
  isAsBefore('the rest');
});
