import { formatBytes } from '../policy/format-bytes.ts';
import { formatDuration } from '../ui/format.ts';
import { html, htmlPage } from '../ui/html.ts';
import type { RunReport } from './report-schema.ts';
import { clock, day, downtimeText, outcomeText, versionsText } from './summary.ts';
import { hasPreflight } from './run-report.ts';
import { table } from './table.ts';
import { timelineSvg } from './timeline-svg.ts';

/** Attempts that are drawn, the last ones. */
const drawnAttempts = 6;

const style = `
.summary{background:var(--soft);border-left:5px solid var(--line);padding:.6rem .8rem;user-select:all}
.summary.good{border-color:var(--good)}.summary.bad{border-color:var(--bad)}.summary{color:var(--text)}
figure{margin:.5rem 0 1rem}figcaption{color:var(--note)}
svg{width:100%;height:auto;font:12px system-ui,sans-serif;fill:var(--text)}
svg .small{font-size:11px;fill:var(--note)}svg .on{fill:var(--page)}
svg .tick{stroke:var(--line);fill:none}svg .down{fill:var(--down)}
svg .step{fill:var(--bar)}svg .task{fill:var(--note)}svg .failed{fill:var(--bad)}
svg .cut{fill:none;stroke:var(--bad);stroke-dasharray:4 3}
caption{text-align:left;color:var(--note)}thead th{border-bottom:1px solid var(--line)}td.number,th.number{text-align:right}
@media print{svg rect,.summary{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;

/** A run's report as a page of one file, for screen and paper. */
export function reportHtml(report: RunReport): string {
  const { product, flow, run, moreWarnings } = report;
  const title = `${product ?? 'Run'}: ${flow ?? 'report'} ${versionsText(report)}`;
  const parts = [
    `<h1>${html(title)}</h1>`,
    `<p class="summary ${report.exitCode === 0 ? 'good' : 'bad'}">${html(report.summary)}</p>`,
    about(report),
    ...missing(report),
    ...ending(report),
    timeLine(report),
    downtime(report),
    stepTable(report),
    ...waivers(report),
    ...list('Warnings', report.warnings),
    ...(moreWarnings > 0 ? [`<p>${moreWarnings} more are only in the log.</p>`] : []),
    dumps(report),
    rows(report),
    objects(report),
    ...preflight(report),
    `<p class="note">Made from the log of run ${html(run)}; times are UTC.</p>`,
  ];
  return htmlPage({ title, more: style, body: parts.join('\n') });
}

const known = (value: string | null): string => (value === null ? notKnown : html(value));
const notKnown = '<span class="note">not known</span>';

function about(report: RunReport): string {
  const { host, by, startedAt, endedAt, attempts, package: file, schema, run, flow, from, to } = report;
  const lasted =
    startedAt === null || endedAt === null
      ? ''
      : `, ${formatDuration(Date.parse(endedAt) - Date.parse(startedAt))}`;
  const others = [...new Set(attempts.flatMap((one) => one.by ?? []))].filter((name) => name !== by);
  const rows: [string, string][] = [
    ['Outcome', `<b>${html(outcomeText(report))}</b>`],
    ['Host', known(host)],
    ['Started by', `${known(by)}${others.length === 0 ? '' : html(`, resumed by ${others.join(', ')}`)}`],
    ['Started', startedAt === null ? notKnown : html(day(startedAt))],
    ['Ended', endedAt === null ? notKnown : html(`${day(endedAt)}${lasted}`)],
    ...(attempts.length > 1 ? [['Attempts', String(attempts.length)] as [string, string]] : []),
    ['Version before', from === null ? '<span class="note">none, or not known</span>' : html(from)],
    [flow === 'restore' ? 'Version brought back' : 'Version of the package', known(to)],
    ['Package', file === null ? notKnown : `<code>${html(file.digest)}</code>`],
    [
      'Signed by key',
      file === null ? notKnown : file.key === null ? 'unsigned' : `<code>${html(file.key)}</code>`,
    ],
    [
      'Database schema',
      html(
        `${schema.before ?? 'not known'} before, ${schema.after ?? 'not known'} after` +
          (schema.differs === null ? '' : `, and it differs: ${schema.differs}`),
      ),
    ],
    ['Downtime', html(downtimeText(report.downtime))],
    ['Run', `<code>${html(run)}</code>`],
  ];
  const cells = rows.map(([name, value]) => `<tr><th scope="row">${name}</th><td>${value}</td></tr>`);
  return (
    '<table class="about">\n<caption>Who, when and what</caption>\n' +
    `<tbody>\n${cells.join('\n')}\n</tbody></table>`
  );
}

const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0
    ? [`<h2>${title}</h2>\n<p>None.</p>`]
    : [`<h2>${title}</h2>\n<ul>\n${lines.map((line) => `<li>${html(line)}</li>`).join('\n')}\n</ul>`];

const missing = ({ missing: lines }: RunReport): string[] =>
  lines.length === 0 ? [] : list('What is missing in this report', lines);

function ending({ message, error, result }: RunReport): string[] {
  if (message === null) return result.length === 0 ? [] : [`<h2>What was done</h2>\n${pre(result)}`];
  const { causes = [], facts = [], wayBack = [], output, hint, step } = error ?? {};
  return [
    '<h2>What went wrong</h2>',
    `<p class="bad"><b>${html(message)}</b></p>`,
    ...(step == null ? [] : [`<p>In step <code>${html(step)}</code>.</p>`]),
    ...(causes.length === 0 ? [] : [pre(causes)]),
    ...(facts.length === 0 ? [] : [pre(facts)]),
    ...(output == null || output === '' ? [] : [`<h3>Output</h3>\n${pre([output])}`]),
    ...(wayBack.length === 0 ? [] : [`<h3>The way back</h3>\n${pre(wayBack)}`]),
    ...(hint == null ? [] : [`<h3>To try</h3>\n${pre([hint])}`]),
  ];
}

const pre = (lines: readonly string[]): string => `<pre>${lines.map(html).join('\n')}</pre>`;

function timeLine({ attempts, downtime: down }: RunReport): string {
  const drawn = attempts.slice(-drawnAttempts);
  const figures = drawn.map((attempt, at) => {
    const number = attempts.length - drawn.length + at + 1;
    const which = attempts.length > 1 ? `Attempt ${number}: ` : '';
    const end =
      attempt.exitCode === null ? 'no result is recorded' : `ended with exit code ${attempt.exitCode}`;
    const when = `${day(attempt.from)} to ${clock(attempt.to)}, ${end}`;
    return (
      `<figure>\n${timelineSvg(attempt, down, `attempt-${number}`)}\n` +
      `<figcaption>${html(`${which}${when}`)}</figcaption>\n</figure>`
    );
  });
  const more = attempts.length - drawn.length;
  return [
    '<h2>Time line</h2>',
    '<p class="note">Bars that lie over the same time ran in parallel. ' +
      'The red band: the product did not answer.</p>',
    ...(more > 0 ? [`<p class="note">${more} earlier attempts are not drawn.</p>`] : []),
    ...(figures.length === 0 ? ['<p>The log has no step.</p>'] : figures),
  ].join('\n');
}

function downtime({ downtime: down }: RunReport): string {
  const { routes, probes, why, intervals, measured } = down;
  const how = measured
    ? `${probes} probes, one each second through the ingress, from before Helm until the end of the run: ` +
      routes.join(', ')
    : '';
  return [
    '<h2>Downtime</h2>',
    `<p><b>${html(downtimeText(down))}</b></p>`,
    ...(how === '' ? [] : [`<p>${html(how)}.</p>`]),
    ...(why === null || !measured ? [] : [`<p class="warn">${html(why)}</p>`]),
    ...(intervals.length === 0
      ? []
      : [
          table({
            caption: 'When the product did not answer',
            head: ['Last good answer', 'First good answer after', 'Lasted', 'First bad answer'],
            rows: intervals.map(({ from, to, answer }) => [
              day(from),
              to === null ? 'none in this run' : day(to),
              to === null ? '' : formatDuration(Date.parse(to) - Date.parse(from)),
              answer,
            ]),
          }),
        ]),
  ].join('\n');
}

function stepTable({ steps }: RunReport): string {
  const rows = steps.map(({ id, title, plan, outcome, durationMs, note }) => [
    id,
    title,
    plan ?? '',
    `${outcome}${note === null ? '' : `: ${note}`}`,
    durationMs === null ? '' : formatDuration(durationMs),
  ]);
  const details = steps
    .filter((step) => step.details.length > 0)
    .map((step) => `<h3>${html(step.id)}</h3>\n${pre(step.details)}`);
  return [
    '<h2>The plan and what happened</h2>',
    table({
      caption: 'Steps in the order of the graph',
      head: ['Step', 'Title', 'Planned', 'What happened', 'Took'],
      rows,
      right: [4],
    }),
    ...(details.length === 0
      ? []
      : [`<details><summary>The plan in detail</summary>\n${details.join('\n')}\n</details>`]),
  ].join('\n');
}

const waivers = ({ waivers: all }: RunReport): string[] =>
  all.length === 0
    ? ['<h2>Waivers</h2>\n<p>None.</p>']
    : [
        '<h2>Waivers</h2>',
        table({
          caption: 'What was let pass, and why',
          head: ['Check or step', 'Reason', 'By'],
          rows: all.map(({ id, reason, by }) => [id, reason, by ?? '']),
        }),
      ];

function dumps({ dumps: all }: RunReport): string {
  if (all.length === 0) return '<h2>Dumps</h2>\n<p>No dump is in the log of this run.</p>';
  return `<h2>Dumps</h2>\n${table({
    caption: 'Dumps of the database',
    head: ['Taken', 'File', 'Size', 'SHA-256', 'Schema', 'Restored'],
    rows: all.map(({ takenAt, path, sizeBytes, sha256, schemaVersion, restoredInto }) => [
      day(takenAt),
      path,
      formatBytes(sizeBytes),
      sha256,
      schemaVersion === null ? 'not known' : String(schemaVersion),
      restoredInto.length === 0 ? 'not by this run' : `into ${restoredInto.join(', ')}`,
    ]),
  })}`;
}

const countText = (count: number | null): string => (count === null ? 'not counted' : String(count));

const rows = ({ rows: all }: RunReport): string =>
  all.length === 0
    ? '<h2>Rows</h2>\n<p>Rows were not counted.</p>'
    : `<h2>Rows</h2>\n${table({
        caption: 'Rows by table; those before are the ones of the dump',
        head: ['Table', 'Before', 'After'],
        rows: all.map(({ table: name, before, after }) => [name, countText(before), countText(after)]),
        right: [1, 2],
      })}`;

function objects({ objects: found }: RunReport): string {
  if (found === null) return '<h2>Objects</h2>\n<p>The log does not say which objects were changed.</p>';
  if (found.changes.length === 0) return '<h2>Objects</h2>\n<p>No object differs from the chart.</p>';
  return `<h2>Objects</h2>\n${table({
    caption: found.applied
      ? 'Objects that Helm has changed, as planned'
      : 'Objects that Helm was to change: it has not completed',
    head: ['Object', 'Change'],
    rows: found.changes.map(({ object, change }) => [
      object,
      change === 'kept' ? 'leaves the release, stays in the cluster' : change,
    ]),
  })}`;
}

function preflight({ preflight: found, flow }: RunReport): string[] {
  if (found === null && !hasPreflight(flow)) return [];
  if (found === null) return ['<h2>Preflight</h2>\n<p>The log has no report of preflight.</p>'];
  const results = table({
    caption: `Checks as measured at ${clock(found.at)} UTC`,
    head: ['Check', 'Result', 'Measured', 'Limit', 'Fix, or reason of the waiver'],
    rows: found.results.map(({ id, status, measured, limit, note }) => [
      id,
      status,
      measured,
      limit,
      note ?? '',
    ]),
  });
  return [`<h2>Preflight</h2>\n${results}`];
}
