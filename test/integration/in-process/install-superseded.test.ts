import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError } from '../../../src/errors.ts';
import { failingHelm, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { claim, namespace } from '../../fixtures/in-process-host/product.ts';

/**
 * A fresh install that cannot succeed with its own package goes forward with a fixed one, by one command,
 * over what is there.
 */

let host: SimulatedHost;
let empty: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
});
beforeEach(() => {
  host.use('install', 'none');
  host.become(empty);
});
after(() => host.close());

const hintOf = ({ error }: Invocation) => describeError(error).hint ?? '';
const said = ({ error }: Invocation) => describeError(error).message;

/** The chart asks for an image that the package does not hold. */
const failByItsPackage = (options: Parameters<SimulatedHost['run']>[2] = {}) =>
  host.run(
    'install',
    (event) => {
      if (event.kind === 'program' && event.phase === 'during' && event.argv[1] === 'install')
        delete host.cluster.state.images['registry.example/tiny/server:2026.1'];
      return undefined;
    },
    options,
  );

test('a fixed package is refused with the command that accepts it, and that command completes the install', async () => {
  const failed = await failByItsPackage();
  assert.equal(failed.exitCode, 6, said(failed));
  assert.match(
    hintOf(failed),
    /then: \.\/tiny install\n.* a fixed package resumes the run: FIXED_FILE install --supersede$/,
  );
  const values = join(host.folder, 'tiny.values.yaml');
  writeFileSync(values, `${readFileSync(values, 'utf8')}extra: "of the operator"\n`);
  const secrets = () =>
    host.cluster
      .list('Secret', namespace)
      .filter(({ metadata }) => metadata.name.startsWith('tiny-'))
      .map(({ data }) => data);
  const was = {
    secrets: JSON.stringify(secrets()),
    claim: host.cluster.get('PersistentVolumeClaim', claim, namespace)?.metadata.uid,
    run: host.state()?.run?.id,
  };

  host.useFileOf('install', 'upgrade');
  const state = host.state();
  const refused = await host.run('install');
  assert.equal(refused.exitCode, 5);
  assert.match(hintOf(refused), /tiny install --supersede$/);
  const upgrade = await host.run('upgrade');
  assert.equal(upgrade.exitCode, 5);
  assert.match(hintOf(upgrade), /tiny install --supersede$/);
  assert.deepEqual(host.state(), state);

  const planned = await host.run('install', undefined, { supersede: true, dryRun: true });
  assert.equal(planned.exitCode, 0, said(planned));
  assert.deepEqual(host.state(), state);
  const ended = await host.run('install', undefined, { supersede: true });
  assert.equal(ended.exitCode, 0, said(ended));
  const { installed, history } = host.state()!;
  assert.equal(installed?.version, '2026.2');
  assert.deepEqual([history.at(-1)?.id, history.at(-1)?.status], [was.run, 'superseded']);
  assert.match(readFileSync(values, 'utf8'), /of the operator/);
  assert.equal(JSON.stringify(secrets()), was.secrets);
  assert.equal(host.cluster.get('PersistentVolumeClaim', claim, namespace)?.metadata.uid, was.claim);
  assert.deepEqual(host.violations, []);
});

test('an install that was superseded and then cut off resumes with its own package, without the flag', async () => {
  await failByItsPackage();
  host.useFileOf('install', 'upgrade');
  const cut = await host.run('install', signalAt('chart:running', 'SIGINT').watch, { supersede: true });
  assert.equal(cut.exitCode, 130);
  const ended = await host.run('install');
  assert.equal(ended.exitCode, 0, said(ended));
});

test('one that was gone on with by --resume and fails by its package names the fixed one without that flag', async () => {
  await host.run('install', signalAt('chart:running', 'SIGINT').watch);
  const failed = await failByItsPackage({ resume: true });
  assert.equal(failed.exitCode, 6, said(failed));
  assert.match(hintOf(failed), /: FIXED_FILE install --supersede$/);
});

test('an older package is refused once Helm has started for a newer one; before that it may follow', async () => {
  host.useFileOf('install', 'upgrade');
  await host.run('install', signalAt('values:running', 'SIGINT').watch);
  const begun = host.copy();
  await host.run('install', signalAt('helm_deploy:verified', 'SIGINT').watch);
  host.use('install', 'none');
  const refused = await host.run('install', undefined, { supersede: true });
  assert.equal(refused.exitCode, 5, said(refused));
  host.become(begun);
  const ended = await host.run('install', undefined, { supersede: true });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('a package whose schema is below what the database has is refused, and named the way to begin anew', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal((await host.run('rollback', undefined, { step: 'health_server' })).exitCode, 0);
  host.cluster.state.database.schema = 3;
  host.useFileOf('install', 'upgrade');
  const state = host.state();
  const refused = await host.run('install', undefined, { supersede: true });
  assert.equal(refused.exitCode, 5, said(refused));
  assert.match(
    said(refused),
    /have schema version 3, and 2026\.2 knows versions up to 2\. Nothing was changed/,
  );
  assert.match(
    hintOf(refused),
    /^to finish 2026\.1: .*\nto begin anew .* --rollback-to postgres --accept-data-loss\n/,
  );
  assert.deepEqual(host.state(), state);
});

test('an install that fails over the data of an earlier package names the way to begin without them', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal((await host.run('rollback', undefined, { step: 'health_server' })).exitCode, 0);
  host.useFileOf('install', 'upgrade');
  const failed = await host.run(
    'install',
    failingHelm(() => host),
    { supersede: true },
  );
  assert.equal(failed.exitCode, 6, said(failed));
  const way = /: \.\/tiny install --rollback-to postgres --accept-data-loss$/m;
  assert.match(hintOf(failed), way);
  host.use('install', 'none');
  const older = await host.run('install', undefined, { supersede: true });
  assert.equal(older.exitCode, 5);
  assert.match(
    hintOf(older),
    / install --rollback-to postgres --accept-data-loss\nand then: \.\/tiny install --supersede$/m,
  );
});
