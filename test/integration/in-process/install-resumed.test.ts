import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError } from '../../../src/errors.ts';
import { resumeLines } from '../../../src/ui/resume-text.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/**
 * `install --resume` goes on with what is there, asks nothing again, and is refused where there is nothing.
 */

let host: SimulatedHost;
let empty: World;
let installed: World;
const killed: Record<string, World> = {};

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  await host.run('install', (event) => {
    if (event.kind === 'place') killed[event.place] = host.copy();
    return undefined;
  });
  installed = host.copy();
});
beforeEach(() => {
  host.use('install', 'none');
  host.become(empty);
});
after(() => host.close());

const said = ({ error }: Invocation) => describeError(error).message;
const hintOf = ({ error }: Invocation) => describeError(error).hint ?? '';
const resume = (given: Parameters<SimulatedHost['run']>[3] = {}) =>
  host.run('install', undefined, { resume: true, yes: false }, given);
const refusesToAsk = { confirm: () => assert.fail('a question was asked') };

test('an install that was killed at any place goes on with --resume alone: no answer is asked or typed again', async () => {
  assert.ok(Object.keys(killed).length > 20);
  for (const [place, world] of Object.entries(killed)) {
    host.become(world);
    const ended = await resume(refusesToAsk);
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    assert.equal(host.state()?.installed?.version, '2026.1', place);
    assert.match(readFileSync(join(host.folder, 'tiny.values.yaml'), 'utf8'), /host: "?tiny\.example/);
    assert.deepEqual(host.violations, [], place);
  }
});

test('it says what is done and what follows', async () => {
  host.become(killed['chart:running']!);
  const { shown } = await resume();
  const event = shown.find(({ type }) => type === 'run.resumed');
  assert.ok(event?.type === 'run.resumed');
  const lines = resumeLines(event).join('\n');
  assert.match(
    lines,
    /done and kept: preflight .*, license .*, namespace .*, secrets .*, postgres .*, values /,
  );
  assert.match(lines, /\nto do: chart, load_images, helm_deploy, health_server$/);
});

test('plain install does the same without a terminal, unless it is answered something else', async () => {
  host.become(killed['chart:running']!);
  const other = await host.run('install', undefined, { yes: false, fqdn: 'other.example' });
  assert.equal(other.exitCode, 2, said(other));
  const ended = await host.run('install', undefined, { yes: false });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('on a terminal plain install asks first, with what is done and what follows', async () => {
  host.become(killed['chart:running']!);
  const asked: string[] = [];
  const confirm = async (question: string) => {
    asked.push(question);
    return false;
  };
  const before = host.state();
  const declined = await host.run('install', undefined, { yes: false }, { confirm });
  assert.equal(declined.exitCode, 1);
  assert.match(asked.join('\n'), /^Go on with the install .*done: preflight, .*values; to do: chart, /);
  assert.deepEqual(host.state(), before);
});

test('there is nothing to resume on an empty host, after a completed install, and during or after an upgrade', async () => {
  const rows: [string, World, number, RegExp, RegExp][] = [];
  rows.push([
    'no state',
    empty,
    5,
    /no install to resume on this host/,
    /^to install 2026\.1: \.\/tiny install$/,
  ]);
  rows.push(['completed', installed, 10, /2026\.1 is completely installed/, /^\.\/tiny status$/]);
  host.become(installed);
  host.cluster.state.database.rows.push('Troll A-1');
  await host.run('upgrade', signalAt('upgrade_chart_swap:running', 'SIGINT').watch);
  rows.push([
    'unfinished upgrade',
    host.copy(),
    5,
    /an upgrade to 2026\.2 is not finished/,
    /^to finish the upgrade: \S+ install --upgrade$/,
  ]);
  await host.run('upgrade');
  rows.push(['upgraded', host.copy(), 10, /2026\.2 is completely installed/, /status$/]);
  host.become(killed['chart:running']!);
  host.useFileOf('install', 'upgrade');
  rows.push([
    'another package',
    host.copy(),
    5,
    /this is another package \(2026\.2\)/,
    /with the program that started it: \S+ install --resume\n.* \.\/tiny install --supersede$/,
  ]);
  for (const [name, world, exitCode, message, hint] of rows) {
    if (name !== 'another package') host.use('install', 'none');
    else host.useFileOf('install', 'upgrade');
    host.become(world);
    const before = JSON.stringify([host.state(), host.cluster.state]);
    const ended = await resume();
    assert.equal(ended.exitCode, exitCode, `${name}: ${said(ended)}`);
    assert.match(said(ended), message, name);
    assert.match(hintOf(ended), hint, name);
    assert.equal(JSON.stringify([host.state(), host.cluster.state]), before, name);
  }
});

test('a state of another product and a lost one are not resumed', async () => {
  host.become(killed['chart:running']!);
  const path = join(host.folder, '.installer/state.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('"product": "tiny"', '"product": "other"'));
  const other = await resume();
  assert.equal(other.exitCode, 3);
  assert.match(said(other), /belongs to other/);
  writeFileSync(path, text.slice(0, 200));
  const damaged = await resume();
  assert.equal(damaged.exitCode, 3);
  assert.match(hintOf(damaged), /repair-state$/);
});

test('--resume and --supersede exclude each other', async () => {
  const both = await host.run('install', undefined, { resume: true, supersede: true });
  assert.equal(both.exitCode, 2);
  assert.match(hintOf(both), /install --resume$/);
});
