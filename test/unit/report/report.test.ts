import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { eventSchema, eventsVersion } from '../../../src/engine/events.ts';
import { reportHtml } from '../../../src/report/report-html.ts';
import { type RunReport, runReportSchema } from '../../../src/report/report-schema.ts';
import { reportOfLog } from '../../../src/report/write-report.ts';

/** From a run's log to its report: whatever the log is like, there is one, and it says what is missing. */

const folder = mkdtempSync(join(tmpdir(), 'report-'));
after(() => rmSync(folder, { recursive: true }));

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 20, 22, 0, 0) + seconds * 1000).toISOString();
type Line = Record<string, unknown>;

const log = { type: 'LOG', at: at(0), by: 'ann', pid: 7 };
const started = {
  type: 'run.started',
  at: at(1),
  version: eventsVersion,
  run: '20261120T220000Z-upgrade',
  flow: 'upgrade',
  from: '2026.1',
  to: '2026.2',
  resumed: false,
  by: 'ann',
  product: 'Tiny',
  host: 'wells',
  package: { digest: 'd'.repeat(64), key: 'k'.repeat(64) },
  steps: ['upgrade_pg_backup', 'upgrade_load_images', 'upgrade_helm'].map((id) => ({
    id,
    title: `Title of ${id}`,
    needs: [],
  })),
};
const step = (type: string, id: string, seconds: number, more: Line = {}): Line => ({
  type: `step.${type}`,
  at: at(seconds),
  step: id,
  title: id,
  ...(type === 'completed' ? { durationMs: 1000 } : {}),
  ...more,
});
const dump = {
  type: 'dump.taken',
  at: at(9),
  step: 'upgrade_pg_backup',
  path: '/b/db.sql',
  sizeBytes: 4096,
  sha256: 'a'.repeat(64),
  takenAt: at(3),
  schemaVersion: 3,
  tables: { wells: 20, curves: 5 },
};
const probing = {
  type: 'probe.started',
  at: at(20),
  routes: ['Server'],
  healthy: true,
  answer: 'status 200',
};
const down = (seconds: number, lastAt: string) => ({
  type: 'probe.changed',
  at: at(seconds),
  healthy: false,
  answer: 'Server: status 503',
  lastAt,
});
const up = (seconds: number) => ({
  type: 'probe.changed',
  at: at(seconds),
  healthy: true,
  answer: 'Server: status 200',
  lastAt: at(seconds - 1),
});
const probed = (seconds: number) => ({ type: 'probe.ended', at: at(seconds), probes: 30 });
const result = { type: 'RESULT', at: at(60), status: 'completed', exitCode: 0 };

const goodRun: Line[] = [
  log,
  started,
  step('started', 'upgrade_pg_backup', 2),
  step('started', 'upgrade_load_images', 3),
  dump,
  step('completed', 'upgrade_pg_backup', 10),
  step('completed', 'upgrade_load_images', 12),
  step('started', 'upgrade_helm', 19),
  probing,
  down(25, at(24)),
  up(36),
  step('completed', 'upgrade_helm', 40),
  probed(59),
  result,
];

/** The report of these lines, held against its schema. */
async function reported(lines: readonly (Line | string)[], end = '\n'): Promise<RunReport> {
  const path = join(folder, '20261120T220000Z-upgrade.jsonl');
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(path, texts.join('\n') + end);
  const report = await reportOfLog(path);
  const { error } = runReportSchema.safeParse(JSON.parse(JSON.stringify(report)));
  assert.equal(error && z.prettifyError(error), undefined);
  return report;
}

test('the lines of these tests are events', () => {
  for (const line of goodRun.filter(({ type }) => type !== 'LOG' && type !== 'RESULT'))
    eventSchema.parse(line);
});

test('a run of an upgrade, with its downtime from the last good answer to the next one', async () => {
  const report = await reported(goodRun);
  assert.equal(report.exitCode, 0);
  assert.deepEqual(report.missing, ['the report of preflight']);
  assert.equal(report.downtime.totalMs, 12_000);
  assert.equal(report.downtime.atLeast, false);
  assert.deepEqual(report.rows[0], { table: 'wells', before: 20, after: null });
  assert.deepEqual(report.dumps[0]?.restoredInto, []);
  assert.match(
    report.summary,
    /^Tiny: upgrade 2026\.1 -> 2026\.2 on wells; completed, exit code 0; 2026-11-20 22:00:00 UTC to 2026-11-20 22:01:00 UTC by ann; downtime: 12 s; dump \/b\/db\.sql SHA-256 a+; 0 warnings; run 20261120T220000Z-upgrade$/,
  );
  const spans = report.attempts[0]?.spans ?? [];
  assert.deepEqual(
    spans.map(({ id, from, to }) => [id, from, to]),
    [
      ['upgrade_pg_backup', at(2), at(10)],
      ['upgrade_load_images', at(3), at(12)],
      ['upgrade_helm', at(19), at(40)],
    ],
  );
});

test('the line for a ticket names the dump that brings the old release back, not a later one', async () => {
  const later = { ...dump, sha256: 'b'.repeat(64), path: '/backups/later.sql', schemaVersion: 5 };
  const again = { ...dump, sha256: 'c'.repeat(64), path: '/backups/again.sql' };
  const lines = (dumps: Line[]) => goodRun.flatMap((line) => (line.type === dump.type ? dumps : [line]));
  assert.match((await reported(lines([dump, later]))).summary, new RegExp(`dump ${dump.path} SHA-256`));
  assert.match((await reported(lines([dump, again]))).summary, /dump \/backups\/again\.sql SHA-256/);
});

test('warnings beyond those of the page are counted', async () => {
  const warning = (number: number) => ({
    ...step('warning', 'upgrade_helm', 21),
    line: `warning ${number}`,
  });
  const many = [...Array.from({ length: 503 }, (_, number) => warning(number)), warning(0)];
  const report = await reported([...goodRun.slice(0, -1), ...many, result]);
  assert.deepEqual([report.warnings.length, report.moreWarnings], [500, 3]);
  assert.match(report.summary, /; 503 warnings; /);
  assert.match(reportHtml(report), /<p>3 more are only in the log\.<\/p>/);
});

test('page and summary name the versions in the same words', async () => {
  const same = await reported([log, { ...started, flow: 'rollback', to: '2026.1' }, result]);
  assert.match(same.summary, /^Tiny: rollback 2026\.1 on wells;/);
  assert.match(reportHtml(same), /<h1>Tiny: rollback 2026\.1<\/h1>/);
});

test('the page has no address, no script and nothing that it loads, whatever the log says', async () => {
  const hostile =
    '<script src="https://evil.example/x.js"></script><img onerror=x> \u001B[31mred \u202Eturned';
  const page = reportHtml(
    await reported([
      log,
      { ...started, product: hostile, host: hostile, by: hostile },
      { ...step('started', 'upgrade_helm', 19), title: hostile, step: hostile },
      { type: 'step.warning', at: at(20), step: 'upgrade_helm', line: `${hostile} http://a.example/` },
      { ...dump, path: hostile, tables: { [hostile]: 1 } },
      { ...probing, routes: [hostile] },
      { ...down(25, at(24)), answer: hostile },
      {
        type: 'error',
        at: at(26),
        error: { code: 'failed', exitCode: 6, message: hostile, causes: [hostile] },
      },
      { ...result, status: hostile, exitCode: 6, message: hostile },
    ]),
  );
  assert.doesNotMatch(
    page,
    /:\/\/|<script|<img|<link|<iframe|<[^>]*\s(src|href|on[a-z]+)=|url\(|@import|javascript:/i,
  );
  assert.doesNotMatch(page, /\u001B|\u202E/);
  assert.match(page, /&lt;script src=&quot;https:&#47;&#47;evil\.example/);
  const tags = new Set([...page.matchAll(/<([a-z0-9]+)/gi)].map(([, tag]) => tag));
  const own =
    'html head meta title style body h1 h2 h3 p b table caption thead tbody tr th td code pre ul li ' +
    'figure figcaption svg desc rect path text span details summary';
  assert.deepEqual(
    [...tags].filter((tag = '') => !own.split(' ').includes(tag)),
    [],
  );
});

test('the page has what a change ticket asks for, in tables with headings', async () => {
  const page = reportHtml(await reported(goodRun));
  for (const part of ['a'.repeat(64), 'd'.repeat(64), 'k'.repeat(64), 'wells', 'exit code 0', 'status 503'])
    assert.ok(page.includes(part), part);
  assert.match(page, /<svg [^>]*role="img" aria-labelledby=/);
  assert.match(page, /<rect class="down"/);
  assert.match(page, /@page\{size:A4/);
  assert.match(page, /prefers-color-scheme:dark/);
  for (const [table] of page.matchAll(/<table.*?<\/table>/gs)) {
    assert.match(table, /<caption>/);
    assert.match(table, /<th scope="(col|row)"/);
  }
  assert.doesNotMatch(page, /xmlns/);
});

const broken: [name: string, lines: (Line | string)[], end: string, missing: RegExp][] = [
  ['an empty log', [], '', /how the run ended.*the start|the start.*how the run ended/s],
  ['a log whose last line is cut', [...goodRun.slice(0, -1), '{"type":"RESULT","at":"20'], '', /last line/],
  ['lines of others', ['# hello', '[1]', '"x"', '{}', 'null', ...goodRun], '\n', /5 lines of the log/],
  ['events of a newer program', [...goodRun, { type: 'moon.phase', at: at(50) }], '\n', /newer.*moon\.phase/],
  ['an event that is not as known', [{ ...dump, sizeBytes: 'x' }, ...goodRun], '\n', /1 line with an event/],
  ['a line without a time', [{ ...dump, at: 'soon' }, ...goodRun], '\n', /1 line of the log/],
  ['a log without its beginning', goodRun.slice(6), '\n', /start of the run/],
  ['events of another major version', [log, { ...started, version: '2.0' }, result], '\n', /version 2\.0/],
  ['a line that is longer than any event', ['x'.repeat(17 * 1024 * 1024), ...goodRun], '\n', /longer/],
];
for (const [name, lines, end, missing] of broken) {
  test(`${name} gives a report that says so`, async () => {
    const report = await reported(lines, end);
    assert.match(report.missing.join('\n'), missing);
    assert.match(reportHtml(report), /What is missing in this report/);
  });
}

test('fields that a newer minor version has added are passed over', async () => {
  const newer = goodRun.map((line) =>
    line['type'] === 'run.started'
      ? { ...started, version: '1.99', planet: 3, steps: [{ ...started.steps[0], depth: 1 }] }
      : { ...line, more: 1 },
  );
  const report = await reported(newer);
  assert.deepEqual(report.missing, ['the report of preflight']);
  assert.equal(report.host, 'wells');
  assert.equal(report.downtime.totalMs, 12_000);
});

test('a log of 100,000 lines of programs is read in a moment', async () => {
  const line = JSON.stringify({ type: 'step.log', at: at(30), step: 'upgrade_helm', line: 'x'.repeat(100) });
  const report = await reported([
    ...goodRun.slice(0, -1),
    ...Array.from({ length: 100_000 }, () => line),
    result,
  ]);
  assert.equal(report.exitCode, 0);
});

const downtimes: [string, Line[], Partial<RunReport['downtime']>][] = [
  ['no bad answer', [probing, probed(59), result], { totalMs: 0, atLeast: false, why: null }],
  ['down until the end', [probing, down(25, at(24)), probed(59), result], { totalMs: 35_000, atLeast: true }],
  [
    'killed while it was down, and back when the run is resumed',
    [
      probing,
      down(25, at(24)),
      { ...log, at: at(100) },
      { ...probing, at: at(120) },
      probed(130),
      { ...result, at: at(131) },
    ],
    {
      totalMs: 96_000,
      atLeast: true,
      intervals: [{ from: at(24), to: at(120), answer: 'Server: status 503' }],
    },
  ],
  [
    'killed while it answered: nobody knows what came then',
    [probing, { ...log, at: at(100) }, { ...result, at: at(101) }],
    { totalMs: 0, atLeast: true },
  ],
  [
    'down before Helm',
    [{ ...probing, healthy: false, answer: 'Server: status 503' }, up(30), probed(59), result],
    { measured: false, totalMs: null },
  ],
  [
    'no probe at all',
    [{ type: 'probe.ended', at: at(21), probes: 0, why: 'the values file has no name of the host' }, result],
    { measured: false, totalMs: null, why: 'the values file has no name of the host' },
  ],
  ['Helm was not started', [result], { measured: false, totalMs: null, why: 'Helm was not started' }],
];
for (const [name, lines, expected] of downtimes) {
  test(`downtime: ${name}`, async () => {
    const { downtime, summary } = await reported([log, started, ...lines]);
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(downtime[key as keyof typeof downtime], value, `${key}: ${JSON.stringify(downtime)}`);
    if (downtime.totalMs === null) assert.match(summary, /downtime: not measured: ./);
  });
}

test('a schema that differs although its version is the same is told', async () => {
  const schema = { before: 3, after: 3, differs: 'table wells: column added' };
  const report = await reported([
    log,
    started,
    { type: 'result', at: at(59), lines: [], data: { schema } },
    result,
  ]);
  assert.deepEqual(report.schema, schema);
  assert.match(reportHtml(report), /3 before, 3 after, and it differs: table wells: column added/);
});

test('a step that was cut off, then kept or run again, is told as it ended', async () => {
  const report = await reported([
    log,
    started,
    step('started', 'upgrade_pg_backup', 2),
    step('completed', 'upgrade_pg_backup', 10),
    step('started', 'upgrade_helm', 19),
    { ...log, at: at(100), by: 'bob' },
    { ...started, at: at(101), resumed: true },
    step('skipped', 'upgrade_pg_backup', 102, { because: 'completed', reason: 'completed earlier' }),
    step('started', 'upgrade_helm', 103),
  ]);
  assert.deepEqual(
    report.steps.map(({ id, outcome }) => [id, outcome]),
    [
      ['upgrade_pg_backup', 'completed'],
      ['upgrade_load_images', 'not started'],
      ['upgrade_helm', 'cut off'],
    ],
  );
  assert.deepEqual([report.exitCode, report.endedAt, report.attempts.length], [null, null, 2]);
  assert.match(report.summary, /no result: cut off, or still running/);
});

test('the schema as it was found is the one after, also of a run that failed', async () => {
  const found = (schemaVersion: number) => ({ type: 'schema.found', at: at(50), step: 'x', schemaVersion });
  const failed = { ...result, status: 'failed', exitCode: 8 };
  const report = await reported([...goodRun.slice(0, -1), found(4), found(5), failed]);
  assert.equal(report.schema.after, 5);
  assert.match(reportHtml(report), /5 after/);
});

test('a run without a preflight lacks none, and names what it brought back', async () => {
  const report = await reported([log, { ...started, flow: 'restore' }, result]);
  assert.deepEqual(report.missing, []);
  assert.doesNotMatch(reportHtml(report), /[Pp]reflight|Version of the package/);
  assert.match(reportHtml(report), /Version brought back/);
});

test('what restores and counts report is shown: a dump that was restored, rows after', async () => {
  const report = await reported([
    ...goodRun.slice(0, 6),
    {
      type: 'dump.restored',
      at: at(11),
      step: 'x',
      path: dump.path,
      sha256: dump.sha256,
      into: 'db_rehearsal',
    },
    { type: 'rows.counted', at: at(12), step: 'x', when: 'after', tables: { wells: 19, mud: 4 } },
    { type: 'step.waived', at: at(13), step: 'upgrade_health_server', reason: 'known', by: 'ann' },
    result,
  ]);
  assert.deepEqual(report.dumps[0]?.restoredInto, ['db_rehearsal']);
  assert.deepEqual(report.rows, [
    { table: 'wells', before: 20, after: 19 },
    { table: 'curves', before: 5, after: null },
    { table: 'mud', before: null, after: 4 },
  ]);
  assert.deepEqual(report.waivers, [{ id: 'upgrade_health_server', reason: 'known', by: 'ann' }]);
});
