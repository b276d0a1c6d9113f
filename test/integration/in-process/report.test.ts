import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import * as z from 'zod';
import type { IvaapError } from '../../../src/errors.ts';
import type { Change } from '../../../src/policy/again.ts';
import { runReport } from '../../../src/queries/run-report.ts';
import { type RunReport, runReportSchema } from '../../../src/report/report-schema.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/** Every run leaves its report beside its log; `report` makes it again. Neither changes how a run ends. */

let host: SimulatedHost;
let installed: World;
let upgraded: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
});
beforeEach(() => host.become(upgraded));
after(() => host.close());

const logs = () => join(host.folder, '.installer/logs');
const reports = (flow: string) => readdirSync(logs()).filter((name) => name.endsWith(`-${flow}.report.html`));
const said = ({ shown }: Invocation) =>
  shown.flatMap((event) => (event.type === 'message' ? [event.line] : [])).join('\n');

type Asked = Partial<Parameters<typeof runReport>[0]>;

async function report(asked: Asked = {}) {
  const ports = {
    machine: host.machine('upgrade'),
    emit: () => {},
    signal: new AbortController().signal,
    insist: new AbortController().signal,
    program: './tiny',
    again: ({ add = [] }: Change = {}) => ['./tiny report', ...add].join(' '),
    confirm: undefined,
  };
  const made = await runReport(
    { run: undefined, output: undefined, format: 'html', open: false, ...asked },
    ports,
  );
  const { error } = runReportSchema.safeParse(JSON.parse(JSON.stringify(made.report)));
  assert.equal(error && z.prettifyError(error), undefined);
  return made;
}

const refused = async (asked: Asked) =>
  report(asked).then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error as IvaapError,
  );

test('install and upgrade leave reports that only root reads', () => {
  for (const flow of ['install', 'upgrade']) {
    const [name = '', ...others] = reports(flow);
    assert.deepEqual(others, []);
    assert.equal(statSync(join(logs(), name)).mode & 0o777, 0o600);
    const page = readFileSync(join(logs(), name), 'utf8');
    assert.match(page, /completed, exit code 0/);
    assert.doesNotMatch(page, /:\/\/|<script/);
  }
});

test('the report of an upgrade has plan, package, dump, rows, objects, schema and the probe', async () => {
  const { report: found } = await report();
  const expected: Partial<RunReport> = {
    product: 'Tiny',
    from: '2026.1',
    to: '2026.2',
    exitCode: 0,
    missing: [],
  };
  assert.partialDeepStrictEqual(found, expected);
  assert.deepEqual(found.schema, { before: 1, after: 2, differs: null });
  assert.match(found.package?.digest ?? '', /^[0-9a-f]{64}$/);
  assert.equal(found.dumps.length, 1);
  assert.ok(found.rows.some(({ table, before }) => table.endsWith('migrations') && before === 1));
  assert.partialDeepStrictEqual(found.objects, {
    applied: true,
    changes: [{ object: 'ConfigMap/new', change: 'added' }],
  });
  assert.ok(found.steps.every(({ outcome, plan }) => outcome === 'completed' && plan !== null));
  assert.equal(found.downtime.measured, true);
});

test('a run that fails, and one that is stopped, leave theirs', async () => {
  host.become(installed);
  const failed = await host.run('upgrade', (event) => {
    const isHelm = event.kind === 'program' && event.phase === 'during' && event.argv[1] === 'upgrade';
    if (isHelm) delete host.cluster.state.images['registry.example/tiny/server:2026.2'];
    return undefined;
  });
  assert.equal(failed.exitCode, 7);
  const { report: found } = await report();
  assert.partialDeepStrictEqual(found, { exitCode: 7, status: 'rolled_back', objects: { applied: false } });
  assert.ok((found.error?.wayBack.length ?? 0) > 0);

  host.become(installed);
  const stopped = await host.run('upgrade', (event) =>
    event.kind === 'place' && event.place === 'upgrade_snapshot:running' ? 'SIGTERM' : undefined,
  );
  assert.equal(stopped.exitCode, 143);
  assert.match(readFileSync(join(logs(), reports('upgrade')[0] ?? ''), 'utf8'), /exit code 143/);
});

test('a rollback and an uninstall leave theirs, the latter where its log is kept', async () => {
  host.become(installed);
  assert.equal((await host.run('rollback')).exitCode, 0);
  assert.equal(reports('rollback').length, 1);
  host.become(upgraded);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0);
  const kept = join(host.root, 'last/logs');
  const name = readdirSync(kept).find((one) => one.endsWith('-uninstall.report.html')) ?? '';
  assert.match(readFileSync(join(kept, name), 'utf8'), /a run of uninstall does not probe the product/);
  const log = join(kept, name.replace('.report.html', '.jsonl'));
  assert.equal((await report({ run: log })).report.exitCode, 0);
  // Its path is said where it lies now.
  const lines = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.ok(lines.includes(`report of this run: ${join(kept, name)}`), lines.join('\n'));
  assert.equal(ended.result?.data['log'], log);
});

test('a report that cannot be written is a warning, and the run ends as it would', async () => {
  host.become(installed);
  const ended = await host.run('upgrade', (event) =>
    event.kind === 'file' && event.phase === 'before' && event.path.includes('.report.html')
      ? Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      : undefined,
  );
  assert.equal(ended.exitCode, 0);
  assert.deepEqual(reports('upgrade'), []);
  assert.match(
    said(ended),
    /report of this run could not be written .*; to try again: \.\/tiny report \S+-upgrade$/m,
  );
  assert.equal((await report()).report.exitCode, 0);
  assert.equal(reports('upgrade').length, 1);
});

test('a folder in the place of the report changes nothing either', async () => {
  host.become(installed);
  const ended = await host.run('upgrade', (event) => {
    if (event.kind !== 'place' || event.place !== 'upgrade_helm:running') return undefined;
    const log = readdirSync(logs()).find((name) => name.endsWith('-upgrade.jsonl')) ?? '';
    mkdirSync(join(logs(), `${log.replace('.jsonl', '')}.report.html/x`), { recursive: true });
    return undefined;
  });
  assert.equal(ended.exitCode, 0);
  assert.match(said(ended), /could not be written/);
});

test('a run that was killed is told so, and its next attempt too', async () => {
  host.become(installed);
  let cut: World | undefined;
  await host.run('upgrade', (event) => {
    if (event.kind === 'place' && event.place === 'upgrade_chart_swap:running') cut = host.copy();
    return undefined;
  });
  host.become(cut!);
  const { report: found } = await report();
  assert.deepEqual([found.exitCode, found.endedAt], [null, null]);
  assert.match(found.missing.join(), /cut off, or it is still running/);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.partialDeepStrictEqual((await report()).report, { exitCode: 0, missing: [] });
});

test('a run is named by its id or by a path; another file is written once', async () => {
  const [name = ''] = reports('install');
  const id = name.replace('.report.html', '');
  assert.equal((await report({ run: id })).report.flow, 'install');
  const output = join(host.root, 'page.html');
  rmSync(output, { force: true });
  assert.equal((await report({ run: join(logs(), `${id}.jsonl`), output })).path, output);
  assert.equal(statSync(output).mode & 0o777, 0o600);
  const again = await refused({ output });
  assert.deepEqual([again.code, again.hint], ['usage', `./tiny report --output ${output}.1`]);
  assert.equal((await refused({ output: host.root })).code, 'usage');
  assert.equal((await refused({ output: '-' })).code, 'usage');
  const theirs = join(host.folder, 'theirs');
  mkdirSync(theirs);
  chownSync(theirs, 12345, 12345);
  assert.equal((await refused({ output: join(theirs, 'page.html') })).code, 'preflight');
  const unknown = await refused({ run: id.replace('install', 'instal') });
  assert.deepEqual([unknown.code, unknown.hint], ['usage', `./tiny report ${id}`]);
  assert.equal((await refused({ run: '../state' })).code, 'usage');
  rmSync(output);
});

test('without a log there is nothing to report', async () => {
  rmSync(logs(), { recursive: true });
  assert.equal((await refused({})).code, 'nothing_to_do');
  writeFileSync(logs(), '');
  assert.equal((await refused({})).code, 'failed');
});
