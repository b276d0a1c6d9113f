import type { EngineEvent } from '../engine/events.ts';
import { errorLines } from './error-text.ts';
import { formatDuration } from './format.ts';
import { LiveSteps } from './live-step.ts';
import type { Output } from './output.ts';
import { unpainted } from './paint.ts';
import { preflightLines } from './preflight-text.ts';
import { programLine } from './program-line.ts';
import { planBrief } from './plan-text.ts';
import type { RenderClock, Renderer } from './renderer.ts';
import { systemRenderClock } from './renderer.ts';
import { resumeLines } from './resume-text.ts';
import { runSummary, runTitle } from './run-text.ts';
import { printable, printableLine } from './sanitize.ts';

/** A step without output for this long gets a progress line. */
const silenceMs = 30_000;
const checkMs = 1000;

/** Columns of a line in a file, without its time. */
const fileColumns = 120;
const timeColumns = '2026-11-22T15:04:05Z '.length;

export interface PlainOptions {
  clock?: RenderClock;
  /** Shows every preflight check, not only those that are not ok. */
  allChecks?: boolean;
}

/** Lines with timestamps, for files, pipes and terminals that cannot redraw. */
export function plainRenderer(output: Output, options: PlainOptions = {}): Renderer {
  const { clock = systemRenderClock, allChecks = false } = options;
  const live = new LiveSteps();
  const lastLineMs = new Map<string, number>();
  let at = '';

  const line = (text: string, id?: string) => {
    output.write(`${at} ${text}\n`);
    if (id !== undefined) lastLineMs.set(id, clock.nowMs());
  };
  const stop = clock.every(checkMs, () => {
    const nowMs = clock.nowMs();
    for (const { id, startedMs, meter } of live.all) {
      if (nowMs - (lastLineMs.get(id) ?? startedMs) < silenceMs) continue;
      // This line belongs to no event: its time is now.
      at = timestamp(new Date());
      const parts = [formatDuration(nowMs - startedMs), meter.text(nowMs), meter.note].filter(
        (part) => part !== '',
      );
      line(`${id}: still running, ${parts.join(', ')}`, id);
    }
  });

  return {
    handle(event) {
      live.handle(event, clock.nowMs() - clock.ageMs(event.at));
      at = timestamp(new Date(event.at));
      const width = output.isTerminal ? output.columns - timeColumns : fileColumns;
      for (const { text, id } of eventLines(event, { width, allChecks })) line(text, id);
    },
    close: stop,
  };
}

/** Leading blanks are layout and stay. */
function foreignLines(text: string): string[] {
  return printable(text).trimEnd().split('\n');
}

function timestamp(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function logLines({ step, line }: Extract<EngineEvent, { type: 'step.log' }>): Line[] {
  const text = programLine(line);
  return text === undefined ? [] : [{ text: `${step}: | ${text}`, id: step }];
}

interface Line {
  text: string;
  /** Of the step or task that it belongs to. */
  id?: string;
}

function eventLines(event: EngineEvent, view: { width: number; allChecks: boolean }): Line[] {
  switch (event.type) {
    case 'run.started':
      return [{ text: runTitle(event) }];
    case 'run.resumed':
      return resumeLines(event).map((text) => ({ text }));
    case 'step.started':
      return [
        {
          text:
            `${event.step}: ` +
            `${printableLine(event.title)}${event.why === undefined ? '' : ` (${printableLine(event.why)})`}`,
          id: event.step,
        },
      ];
    case 'task.started':
      return [{ text: `${event.task}: ${printableLine(event.title)}`, id: event.task }];
    case 'step.log':
      return event.quiet === true ? [] : logLines(event);
    case 'step.warning':
      return [{ text: `${event.step}: WARNING: ${printableLine(event.line)}`, id: event.step }];
    case 'step.completed':
      return [{ text: `${event.step}: done in ${formatDuration(event.durationMs)}` }];
    case 'step.skipped':
      return [{ text: `${event.step}: skipped, ${printableLine(event.reason)}` }];
    case 'step.failed':
      return [
        {
          text:
            `${event.step}: FAILED after ` +
            `${formatDuration(event.durationMs)}: ` +
            `${printableLine(event.error.message)}`,
        },
      ];
    case 'task.completed':
      return [{ text: `${event.task}: done in ${formatDuration(event.durationMs)}` }];
    case 'task.failed':
      return [{ text: `${event.task}: FAILED after ${formatDuration(event.durationMs)}` }];
    case 'preflight.report':
      return preflightLines(event, { width: view.width, all: view.allChecks, paint: unpainted }).map(
        (text) => ({ text }),
      );
    case 'run.plan':
      return planBrief(event.plan).map((text) => ({ text }));
    case 'run.completed':
    case 'run.failed':
      return runSummary(event).map((text) => ({ text }));
    case 'message':
      return foreignLines(event.line).map((text) => ({
        text: `${event.level === 'warning' ? 'WARNING: ' : ''}${text}`,
      }));
    case 'result':
      return event.lines.flatMap(foreignLines).map((text) => ({ text }));
    case 'error':
      return errorLines(event.error).map((text) => ({ text }));
    case 'step.progress':
    case 'task.progress':
    case 'program.log':
    case 'program.ended':
    case 'step.waived':
    case 'dump.taken':
    case 'dump.restored':
    case 'schema.found':
    case 'rows.counted':
    case 'probe.started':
    case 'probe.changed':
    case 'probe.ended':
      return [];
  }
}
