import type { LogLine } from '../engine/run-log-tail.ts';
import { AttemptReader } from './attempts.ts';
import { DowntimeReader } from './downtime.ts';
import { plannedObjects } from './planned-objects.ts';
import type { LogGaps } from './read-log.ts';
import type { RunReport } from './report-schema.ts';
import { StepReader } from './steps.ts';
import { summaryLine } from './summary.ts';

type EventOf<Type extends LogLine['type']> = Extract<LogLine, { type: Type }>;

/** Of the same kind, beyond which a page helps nobody. */
const mostWarnings = 500;

/** A run's report, from the lines of its log in their order; a pure function of them, in parts. */
export class RunReportReader {
  readonly #run: string;
  readonly #attempts = new AttemptReader();
  readonly #downtime = new DowntimeReader();
  readonly #steps = new StepReader();
  readonly #warnings = new Set<string>();
  #moreWarnings = 0;
  readonly #waivers = new Map<string, RunReport['waivers'][number]>();
  readonly #dumps = new Map<string, RunReport['dumps'][number]>();
  readonly #rows = new Map<string, { before: number | null; after: number | null }>();
  readonly #schema: RunReport['schema'] = { before: null, after: null, differs: null };
  #started: EventOf<'run.started'> | undefined;
  #plan: EventOf<'run.plan'> | undefined;
  #preflight: EventOf<'preflight.report'> | undefined;
  #result: EventOf<'result'> | undefined;
  #error: EventOf<'error'>['error'] | undefined;
  #end: EventOf<'RESULT'> | undefined;

  /** `run`: its id, where the log does not say it. */
  constructor(run: string) {
    this.#run = run;
  }

  readonly take = (line: LogLine): void => {
    this.#attempts.handle(line);
    this.#downtime.handle(line);
    this.#steps.handle(line);
    if (line.type === 'LOG') {
      this.#end = undefined;
      this.#error = undefined;
    } else if (line.type === 'RESULT') this.#end = line;
    else if (line.type === 'run.started') this.#started ??= line;
    else if (line.type === 'run.plan') this.#plan ??= line;
    else if (line.type === 'preflight.report') this.#checked(line);
    else if (line.type === 'result') this.#completed(line);
    else if (line.type === 'error') this.#error = line.error;
    else if (line.type === 'step.warning') this.#warn(line.line);
    else if (line.type === 'run.completed' || line.type === 'run.failed') line.warnings.forEach(this.#warn);
    else if (line.type === 'message' && line.level === 'warning') this.#warn(line.line);
    else if (line.type === 'step.waived')
      this.#waivers.set(line.step, { id: line.step, reason: line.reason, by: line.by });
    else if (line.type === 'dump.taken') this.#dumped(line);
    else if (line.type === 'dump.restored') this.#dumps.get(line.sha256)?.restoredInto.push(line.into);
    else if (line.type === 'schema.found') this.#schema.after = line.schemaVersion;
    else if (line.type === 'rows.counted') this.#counted(line.when, line.tables);
  };

  report(gaps: LogGaps): RunReport {
    const started = this.#started;
    const end = this.#end;
    const failed = end !== undefined && end.exitCode !== 0;
    const last = this.#attempts.attempts.at(-1);
    const { steps } = this.#steps;
    const helm = steps.find(({ id }) => id === 'upgrade_helm');
    const objects = plannedObjects(this.#plan);
    const report: RunReport = {
      version: '1.0',
      summary: '',
      run: started?.run ?? this.#run,
      flow: started?.flow ?? null,
      product: started?.product ?? this.#plan?.plan.product ?? null,
      host: started?.host ?? null,
      from: started?.from ?? null,
      to: started?.to ?? null,
      by: started?.by ?? this.#attempts.attempts[0]?.by ?? null,
      startedAt: this.#attempts.attempts[0]?.from ?? null,
      endedAt: end === undefined ? null : (last?.to ?? null),
      package: started?.package ?? null,
      status: end?.status ?? null,
      exitCode: end?.exitCode ?? null,
      message: failed ? (this.#error?.message ?? end.message ?? null) : null,
      error: failed && this.#error !== undefined ? errorOf(this.#error) : null,
      result: failed || end === undefined ? [] : (this.#result?.lines ?? []),
      steps,
      attempts: this.#attempts.attempts,
      downtime: this.#downtime.result(whyNoProbe(started?.flow, steps)),
      waivers: [...this.#waivers.values()],
      preflight: this.#preflight === undefined ? null : preflightOf(this.#preflight),
      objects: objects === undefined ? null : { applied: helm?.outcome === 'completed', changes: objects },
      schema: this.#schema,
      rows: [...this.#rows].map(([table, counts]) => ({ table, ...counts })),
      dumps: [...this.#dumps.values()],
      warnings: [...this.#warnings],
      moreWarnings: this.#moreWarnings,
      missing: missingOf(gaps, {
        started,
        end,
        lacksPreflight: hasPreflight(started?.flow) && !this.#preflight,
      }),
    };
    return { ...report, summary: summaryLine(report) };
  }

  readonly #warn = (line: string): void => {
    if (this.#warnings.has(line)) return;
    if (this.#warnings.size < mostWarnings) this.#warnings.add(line);
    else this.#moreWarnings += 1;
  };

  #checked(report: EventOf<'preflight.report'>): void {
    this.#preflight = report;
    for (const { id, waiver } of report.results)
      if (waiver !== undefined) this.#waivers.set(id, { id, reason: waiver, by: null });
  }

  #completed(result: EventOf<'result'>): void {
    this.#result = result;
    const schema = result.data['schema'] as Partial<Record<string, unknown>> | null | undefined;
    if (typeof schema?.['before'] === 'number') this.#schema.before ??= schema['before'];
    if (typeof schema?.['after'] === 'number') this.#schema.after = schema['after'];
    if (typeof schema?.['differs'] === 'string') this.#schema.differs = schema['differs'];
  }

  #dumped({ path, sizeBytes, sha256, takenAt, schemaVersion, tables }: EventOf<'dump.taken'>): void {
    if (this.#dumps.has(sha256)) return;
    const isFirst = this.#dumps.size === 0;
    this.#dumps.set(sha256, {
      path,
      sizeBytes,
      sha256,
      takenAt,
      schemaVersion: schemaVersion ?? null,
      restoredInto: [],
    });
    if (!isFirst) return;
    this.#schema.before ??= schemaVersion ?? null;
    if (tables !== undefined) this.#counted('before', tables);
  }

  #counted(when: 'before' | 'after', tables: Record<string, number>): void {
    for (const [table, rows] of Object.entries(tables)) {
      const counts = this.#rows.get(table) ?? { before: null, after: null };
      this.#rows.set(table, { ...counts, [when]: rows });
    }
  }
}

const errorOf = ({ hint, causes, facts, wayBack, output, step }: EventOf<'error'>['error']) => ({
  hint: hint ?? null,
  causes,
  facts: facts ?? [],
  wayBack: wayBack ?? [],
  output: output ?? null,
  step: step ?? null,
});

const preflightOf = ({ at, results }: EventOf<'preflight.report'>): RunReport['preflight'] => ({
  at,
  results: results.map(({ id, title, status, measured, limit, fix, waiver }) => ({
    id,
    title,
    status,
    measured,
    limit,
    note: waiver ?? (status === 'ok' ? null : (fix ?? null)),
  })),
});

function whyNoProbe(flow: string | undefined, steps: RunReport['steps']): string {
  if (flow === undefined) return 'the log does not say what ran';
  if (flow === 'install') return 'nothing was installed before';
  const helm = steps.find(({ id }) => id === 'upgrade_helm');
  if (helm === undefined) return `a run of ${flow} does not probe the product`;
  if (helm.outcome === 'not started' || helm.outcome === 'skipped') return 'Helm was not started';
  return 'the log has no probe of the product';
}

/** Whether runs of that flow begin with a preflight; of a flow that is not known it is taken so. */
export const hasPreflight = (flow: string | null | undefined): boolean =>
  flow == null || ['install', 'upgrade', 'rehearse'].includes(flow);

function missingOf(
  { foreign, unknown, unread, long, cut, version }: LogGaps,
  has: { started: unknown; end: unknown; lacksPreflight: boolean },
): string[] {
  const lines = (count: number) => (count === 1 ? '1 line' : `${count} lines`);
  return [
    ...(has.started === undefined ? ['the start of the run: versions, package and steps are not known'] : []),
    ...(has.end === undefined
      ? ['how the run ended: it was cut off, or it is still running; the last attempt has no result']
      : []),
    ...(has.lacksPreflight ? ['the report of preflight'] : []),
    ...(cut ? ['the last line, which is cut off'] : []),
    ...(foreign > 0 ? [`${lines(foreign)} of the log that could not be read as events`] : []),
    ...(unread > 0 ? [`${lines(unread)} with an event that is not as this program knows it`] : []),
    ...(long > 0 ? [`${lines(long)} longer than any event`] : []),
    ...(unknown.size > 0
      ? [`events that a newer program wrote: ${[...unknown].slice(0, 20).join(', ')}`]
      : []),
    ...(version === undefined ? [] : [`events of version ${version}, which this program may read wrongly`]),
  ];
}
