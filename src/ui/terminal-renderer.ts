import { stripVTControlCharacters } from 'node:util';
import type { EngineEvent } from '../engine/events.ts';
import { errorLines } from './error-text.ts';
import { formatDuration } from './format.ts';
import type { LiveStep } from './live-step.ts';
import { LiveSteps } from './live-step.ts';
import type { Output } from './output.ts';
import { type Paint, painter } from './paint.ts';
import { preflightLines } from './preflight-text.ts';
import { planBrief } from './plan-text.ts';
import type { RenderClock, Renderer } from './renderer.ts';
import { systemRenderClock } from './renderer.ts';
import { resumeLines } from './resume-text.ts';
import { runSummary, runTitle } from './run-text.ts';
import { printable, printableLine } from './sanitize.ts';
import { cutToWidth, padToWidth, textWidth } from './width.ts';
import { wrapLine, wrapResult } from './wrap.ts';

export interface TerminalOptions {
  colors: boolean;
  /** Whether the terminal can be trusted with more than ASCII. */
  unicode: boolean;
  clock?: RenderClock;
  /** Shows every preflight check, not only those that are not ok. */
  allChecks?: boolean;
}

const redrawMs = 120;

interface Line {
  mark: string;
  paint: Paint;
  id: string;
  detail: string;
  /** Drawn before the detail when both fit. */
  bar?: string;
  elapsed: string;
}

/**
 * One line per step: finished ones stay, running ones are redrawn below them. The cursor is never hidden and
 * the screen never switched, so that nothing has to be restored when the program ends.
 */
export function terminalRenderer(output: Output, options: TerminalOptions): Renderer {
  const clock = options.clock ?? systemRenderClock;
  const marks = options.unicode
    ? { done: '✔', failed: '✖', skipped: '○', warning: '▲' }
    : { done: '+', failed: 'x', skipped: '-', warning: '!' };
  const spinner = options.unicode ? [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'] : [...'|/-\\'];
  const live = new LiveSteps();
  /** Widths of the live lines that are on the screen. */
  let drawn: number[] = [];
  let drawnColumns = output.columns;
  /** The last permanent lines. */
  let kept: string[] = [];
  // Tasks before a run are aligned, too.
  let idWidth = 'preflight'.length;
  let frame = 0;

  const color = painter(options.colors);

  const layout = ({
    mark,
    paint: name,
    id,
    detail,
    bar = '',
    elapsed,
  }: Line): { text: string; width: number } => {
    // One column is left free: a line that fills the last one wraps on some terminals.
    const columns = Math.max(10, output.columns - 1);
    const head = cutToWidth(padToWidth(id, idWidth), columns - 2);
    const room = columns - 2 - textWidth(head) - 2;
    const withTime = room >= elapsed.length;
    const detailRoom = room - elapsed.length - 2;
    const whole =
      bar !== '' && bar.length + 1 + textWidth(detail) <= detailRoom ? `${bar} ${detail}` : detail;
    const middle = detailRoom >= 8 ? cutToWidth(whole, detailRoom) : '';
    const time = withTime ? elapsed : '';
    const gap = ' '.repeat(Math.max(0, room - textWidth(middle) - time.length));
    const text = `${color(mark, name)} ${head}${withTime ? `  ${middle}${gap}${color(time, 'dim')}` : ''}`;
    return { text, width: 2 + textWidth(head) + (withTime ? 2 + room : 0) };
  };

  const erase = (): string => {
    // What a person types is echoed where the next line goes: behind `^C` that line would wrap.
    if (drawn.length === 0) return kept.length === 0 ? '' : '\r\x1b[J';
    // In a window that was made narrower the live lines take more rows on terminals that rewrap them. On
    // others moving up as far erases permanent lines, which are written again.
    const columns = Math.max(1, output.columns);
    const rows = drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    const over = rows - drawn.length;
    drawn = [];
    let again = '';
    for (let count = 0, covered = 0; covered < over && count < kept.length;) {
      count += 1;
      const line = kept.at(-count) ?? '';
      covered += Math.max(1, Math.ceil(textWidth(stripVTControlCharacters(line)) / drawnColumns));
      again = `${line}\n${again}`;
    }
    return `\r\x1b[${rows}A\x1b[J${again}`;
  };

  const drawLive = (): string => {
    const nowMs = clock.nowMs();
    const lines = live.all.map((step) =>
      layout(runningLine(step, nowMs, spinner[frame % spinner.length] ?? '')),
    );
    drawn = lines.map(({ width }) => width);
    drawnColumns = Math.max(1, output.columns);
    return lines.map(({ text }) => `${text}\n`).join('');
  };

  const show = (permanent: readonly string[]): void => {
    const before = erase();
    kept = [...kept, ...permanent.flatMap((line) => line.split('\n'))].slice(-20);
    output.write(`${before}${permanent.map((line) => `${line}\n`).join('')}${drawLive()}`);
  };

  const ended = (mark: string, name: Paint, id: string, detail: string, elapsed: string): string[] => [
    layout({ mark, paint: name, id, detail: printableLine(detail), elapsed }).text,
  ];

  const warning = (text: string): string[] =>
    wrapLine(`${marks.warning} ${text}`, output.columns - 1).map((line) => color(line, 'yellow'));

  const permanentLines = (event: EngineEvent): string[] | undefined => {
    switch (event.type) {
      case 'run.started':
        idWidth = Math.max(...event.steps.map(({ id }) => textWidth(id)), 0);
        return wrapLine(runTitle(event), output.columns - 1);
      case 'run.resumed':
        return resumeLines(event).flatMap((line) => wrapLine(line, output.columns - 1));
      case 'run.plan':
        return planBrief(event.plan, output.columns);
      case 'step.started':
      case 'task.started':
        return [];
      case 'step.completed':
        return ended(marks.done, 'green', event.step, event.title, formatDuration(event.durationMs));
      case 'task.completed':
        return ended(marks.done, 'green', event.task, event.title, formatDuration(event.durationMs));
      case 'step.failed':
        return ended(marks.failed, 'red', event.step, event.error.message, formatDuration(event.durationMs));
      case 'task.failed':
        return ended(marks.failed, 'red', event.task, event.title, formatDuration(event.durationMs));
      case 'step.skipped':
        return ended(marks.skipped, 'dim', event.step, event.reason, '');
      case 'step.warning':
        return warning(`${event.step}: ${printableLine(event.line)}`);
      case 'message':
        return event.level === 'warning'
          ? warning(printableLine(event.line))
          : printable(event.line)
              .split('\n')
              .flatMap((line) => wrapResult(line, output.columns - 1));
      case 'preflight.report':
        return preflightLines(event, {
          // The last column stays free, as in the lines of steps.
          width: output.columns - 1,
          paint: color,
          all: options.allChecks ?? false,
        });
      case 'run.completed':
      case 'run.failed':
        return runSummary(event).flatMap((line) => wrapLine(line, output.columns - 1));
      case 'result':
        return event.lines
          .flatMap((line) => printable(line).split('\n'))
          .flatMap((line) => wrapResult(line, output.columns - 1));
      case 'error':
        return errorLines(event.error, output.columns - 1);
      case 'step.progress':
      case 'step.log':
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
        return undefined;
    }
  };

  const stop = clock.every(redrawMs, () => {
    if (live.all.length === 0 || output.isBehind) return;
    frame += 1;
    show([]);
  });

  // After Ctrl-Z the shell has written below the live lines: they stay there and are drawn again below.
  const leave = output.onContinue(() => (drawn = []));

  return {
    handle(event) {
      live.handle(event, clock.nowMs() - clock.ageMs(event.at));
      const lines = permanentLines(event);
      if (lines !== undefined) show(lines);
    },
    close() {
      stop();
      leave();
      output.write(erase());
    },
  };
}

function runningLine({ id, title, startedMs, meter, lastLog }: LiveStep, nowMs: number, mark: string): Line {
  const text = meter.text(nowMs);
  const parts = text === '' ? [title, lastLog] : [text, meter.note === '' ? lastLog : meter.note];
  return {
    mark,
    paint: 'cyan',
    id,
    detail: parts.filter((part) => part !== '').join(' - '),
    bar: meter.bar(12),
    elapsed: formatDuration(nowMs - startedMs),
  };
}
