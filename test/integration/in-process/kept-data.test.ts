import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { statusLines } from '../../../src/ui/status-text.ts';
import { describeError } from '../../../src/errors.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** An install over data that an uninstall has kept, where other passwords are about. */

let host: SimulatedHost;
let empty: World;
let installed: World;
let kept: World;
/** As `--keep-data` wrote it. */
let record: string;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1', 'Troll A-2');
  installed = host.copy();
  assert.equal((await host.run('uninstall', undefined, { keepData: true })).exitCode, 0);
  record = readFileSync(recordPath(), 'utf8');
  kept = host.copy();
});
beforeEach(() => host.become(kept));
after(() => host.close());

const recordPath = () => join(host.root, 'storage.kept.json');
const textOf = (name: string, key: string): string | undefined => {
  const encoded = (host.cluster.get('Secret', name, namespace)?.data as Record<string, string>)?.[key];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
};
const passwords = (): Record<string, Record<string, string>> => JSON.parse(record).secrets;
const said = ({ error }: Invocation) => describeError(error);

/** Of the record: two rows and that of the schema's version. */
const about = () => {
  const { version, rows, keptAt } = JSON.parse(record);
  assert.deepEqual([version, rows], ['2026.1', 3]);
  return `release 2026.1, 3 rows, \\S+ \\S*B, kept at ${String(keptAt).replace(/\.\d+Z$/, 'Z')}`;
};

test('an install over kept data says so in its plan, its question and its summary', async () => {
  const storage = join(host.root, 'storage');
  const { result: dry } = await host.run('install', undefined, { dryRun: true });
  const plan = JSON.stringify(dry?.plan);
  assert.match(plan, new RegExp(`use the data kept in ${storage}: ${about()}; create the claim tiny-db`));
  assert.match(
    plan,
    new RegExp(`create the Secrets [^"]+, with the passwords kept in ${storage}\\.kept\\.json`),
  );
  assert.match(plan, new RegExp(`create the namespace tiny, for the data kept in ${storage}`));
  let asked = '';
  const confirm = async (question: string) => {
    asked = question;
    return true;
  };
  const ended = await host.run('install', undefined, { yes: false }, { confirm });
  assert.equal(ended.exitCode, 0, said(ended).message);
  assert.match(asked, new RegExp(`in ${storage}, which uses the data kept there \\(${about()}\\)\\?$`));
  assert.match(ended.result?.lines.join('\n') ?? '', new RegExp(`those kept there are used: ${about()}`));
  const { rows } = (ended.result?.data.keptData ?? {}) as { rows?: number };
  assert.equal(rows, 3);
});

test('an install elsewhere says that the kept data are not used, and goes on', async () => {
  const storagePath = join(host.root, 'elsewhere');
  const kept = new RegExp(`the data kept in ${join(host.root, 'storage')} \\(${about()}\\) are not used`);
  let asked = '';
  const confirm = async (question: string) => {
    asked = question;
    return true;
  };
  const ended = await host.run('install', undefined, { yes: false, storagePath }, { confirm });
  assert.equal(ended.exitCode, 0, said(ended).message);
  assert.match(asked, kept);
  assert.match(JSON.stringify(ended.shown), kept);
  assert.equal(ended.result?.data.keptData, null);
  assert.equal(readFileSync(recordPath(), 'utf8'), record);
  const { keptData } = await host.status('install');
  assert.ok(keptData.known);
  assert.equal(keptData.value[0]?.use, null);
});

test('status and an uninstall name the data that are kept, wherever their record is known', async () => {
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 10);
  const folder = join(host.root, 'storage');
  const remove = `rm -r ${folder} ${folder}.kept.json`;
  const rest = `\\(${about()}\\): ./tiny install uses them; to delete them: ${remove}`;
  assert.match(said(refused).hint ?? '', new RegExp(`data are kept in ${folder} ${rest}`));
  const report = await host.status('install');
  const text = statusLines(report).join('\n');
  assert.match(
    text,
    new RegExp(`data are kept in ${folder} \\(${about()}\\)\n    to use them: ./tiny install\n`),
  );

  host.become(empty);
  const elsewhere = join(host.root, 'else where');
  assert.equal((await host.run('install', undefined, { storagePath: elsewhere })).exitCode, 0);
  writeFileSync(join(elsewhere, 'PG_VERSION'), '15\n');
  // Its folder lies beside the product's: the record there leads to the data.
  const gone = await host.run('uninstall', undefined, { keepData: true, dumpTo: undefined });
  assert.equal(gone.exitCode, 0, said(gone).message);
  const { keptData } = await host.status('install');
  assert.ok(keptData.known);
  assert.deepEqual(
    keptData.value.map(({ folder: one, use }) => [one, use]),
    [[elsewhere, `./tiny install --storage-path '${elsewhere}'`]],
  );
});

test('of an older record, without rows and size, the rest is told', async () => {
  const older = JSON.parse(record);
  delete older.rows;
  delete older.sizeBytes;
  writeFileSync(recordPath(), JSON.stringify(older), { mode: 0o600 });
  const { result } = await host.run('install', undefined, { dryRun: true });
  assert.match(
    JSON.stringify(result?.plan),
    /use the data kept in \S+storage: release 2026\.1, kept at \S+Z; /,
  );
});

test('a Secret in the cluster that is not that of the data is refused by name, and the record stays', async () => {
  const data = Object.fromEntries(
    Object.keys(passwords()['tiny-password']!).map((key) => [key, Buffer.from('other').toString('base64')]),
  );
  host.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  host.cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'tiny-password', namespace },
    data,
  });
  const ended = await host.run('install');
  const { message, hint, exitCode } = said(ended);
  assert.equal(exitCode, 3, message);
  assert.match(
    message,
    /^the Secret tiny-password is not the one that the data in \S+storage were made with$/,
  );
  assert.match(
    hint ?? '',
    /k3s kubectl get secret -n tiny tiny-password -o yaml > .*\) && k3s kubectl delete secret/,
  );
  assert.equal(readFileSync(recordPath(), 'utf8'), record);
  assert.ok(!existsSync(join(host.folder, '.installer/state.json')), 'nothing was changed');
  host.cluster.delete('Secret', 'tiny-password', namespace);
  assert.equal((await host.run('install')).exitCode, 0);
});

test('a password that is no UTF-8 text is kept as its bytes, and comes back equal', async () => {
  host.become(installed);
  const secret = host.cluster.get('Secret', 'tiny-password', namespace)!;
  const [key = ''] = Object.keys(passwords()['tiny-password']!);
  const encoded = Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]).toString('base64');
  const data = { ...(secret.data as Record<string, string>), [key]: encoded };
  host.cluster.apply({ ...secret, data });
  const removed = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(removed.exitCode, 0, String(removed.error));
  const installedAgain = await host.run('install');
  assert.equal(installedAgain.exitCode, 0, String(installedAgain.error));
  assert.deepEqual(host.cluster.get('Secret', 'tiny-password', namespace)?.data, data);
});

test('a password that is no UTF-8 text comes back equal after a rollback, too', async () => {
  host.become(installed);
  const secret = host.cluster.get('Secret', 'tiny-password', namespace)!;
  const [key = ''] = Object.keys(passwords()['tiny-password']!);
  const data = {
    ...(secret.data as Record<string, string>),
    [key]: Buffer.from([0xff, 0x00]).toString('base64'),
  };
  host.cluster.apply({ ...secret, data });
  const undone = await host.run('rollback', undefined, { step: 'secrets' });
  assert.equal(undone.exitCode, 0, String(undone.error));
  const again = await host.run('install', undefined, { resume: true });
  assert.equal(again.exitCode, 0, String(again.error));
  assert.deepEqual(host.cluster.get('Secret', 'tiny-password', namespace)?.data, data);
});

test('the passwords of the data come before those that a rollback has kept, which stay', async () => {
  host.become(installed);
  const rolledBack = await host.run('rollback', undefined, { step: 'secrets' });
  assert.equal(rolledBack.exitCode, 0, said(rolledBack).message);
  const keptByRollback = String(rolledBack.result?.data.keptSecrets);
  const others = structuredClone(passwords());
  for (const keys of Object.values(others)) for (const key of Object.keys(keys)) keys[key] = `of-data-${key}`;
  mkdirSync(join(host.root, 'storage'));
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  writeFileSync(recordPath(), JSON.stringify({ ...JSON.parse(record), secrets: others }), { mode: 0o600 });
  const again = await host.run('install', undefined, { resume: true });
  assert.equal(again.exitCode, 0, said(again).message);
  for (const [name, keys] of Object.entries(others))
    for (const [key, text] of Object.entries(keys)) assert.equal(textOf(name, key), text, name);
  assert.ok(existsSync(keptByRollback), 'the data that the rollback put aside need them');
  assert.match(JSON.stringify(again.shown), /secrets\.json stays: its passwords are not those of this inst/);
  assert.equal(host.state()?.keptSecrets, undefined);
});
