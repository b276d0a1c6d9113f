import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { causeChain } from '../../../src/errors.ts';
import {
  type Flow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { removedOutcome } from '../../fixtures/in-process-host/removed.ts';

/**
 * One host from its first install to its last uninstall, each command in the state that the one before has
 * left: test/e2e/drawn/whole-life.test.ts does the same on a real node.
 */

let host: SimulatedHost;

before(async () => {
  host = await SimulatedHost.start();
});
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
type Options = Parameters<SimulatedHost['run']>[2];
async function runs(flow: Flow, options: Options = {}, exitCode = 0): Promise<Invocation> {
  const ended = await host.run(flow, undefined, options);
  assert.equal(ended.exitCode, exitCode, `${flow} ${JSON.stringify(options)}: ${said(ended)}`);
  assert.deepEqual(host.violations, []);
  return ended;
}
/** The server has made its files where Helm has started it. */
const filled = (...rows: string[]) => {
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.splice(0, Infinity, ...rows);
};
const installedVersion = () => host.state()?.installed?.version;

test('killed, resumed, rolled back, upgraded, uninstalled with its data, installed, upgraded and uninstalled', async () => {
  const empty = structuredClone(removedOutcome(host));
  let killed: World | undefined;
  await host.run('install', (event) => {
    if (event.kind === 'place' && event.place === 'load_images:running') killed ??= host.copy();
    return undefined;
  });
  assert.ok(killed);
  host.become(killed);
  await runs('install', { resume: true });
  filled('of the first install');

  const rolledBack = await runs('rollback', { step: 'postgres' });
  assert.ok(rolledBack.result);
  const { removedData, dump } = rolledBack.result.data as { removedData: string; dump: string };
  assert.ok(existsSync(join(removedData, 'PG_VERSION')) && existsSync(dump));
  assert.equal(installedVersion(), undefined);
  await runs('install', { yes: false, fqdn: undefined, license: undefined });
  filled('Troll A-1', 'Troll A-2');

  await runs('upgrade');
  assert.equal(installedVersion(), '2026.2');
  host.useFileOf('uninstall', 'upgrade');
  const data = structuredClone(host.cluster.state.database);
  await runs('uninstall', { keepData: true, dumpTo: join(host.root, 'last/first') });
  assert.equal(installedVersion(), undefined);
  // The model's data go with the volume; a host's are in the folder.
  assert.ok(existsSync(join(host.root, 'storage/PG_VERSION')));
  host.cluster.state.database = data;
  const older = await runs('install', {}, 5);
  assert.match(said(older), /schema/);
  host.useFileOf('install', 'upgrade');
  await runs('install');
  assert.equal(installedVersion(), '2026.2');
  await runs('upgrade', { reapply: true, yes: true });
  const ended = await runs('uninstall', { dumpTo: join(host.root, 'last/second') });
  assert.deepEqual(ended.result?.data.left ?? [], []);
  const now = removedOutcome(host);
  assert.deepEqual(now.cluster, empty.cluster);
  const ofLast = /^last(\/| )/;
  assert.deepEqual(
    now.files.filter((line) => !ofLast.test(line)),
    empty.files,
  );
  const last = now.files.filter((line) => line.startsWith('last/second/TIME/tinydb.sql'));
  assert.match(last.join('\n'), /"rows":\["Troll A-1","Troll A-2"\]/);
  await runs('uninstall', {}, 10);
});
