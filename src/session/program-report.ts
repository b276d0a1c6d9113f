import type { Report } from '../engine/reporter.ts';
import { currentStep } from '../engine/step-scope.ts';
import type { ReportNote } from '../host/program-output.ts';

/** Output and exit of programs, as events of the step that started them. */
export function reportPrograms(report: Report): ReportNote {
  return (note) => {
    const step = currentStep();
    const { program } = note;
    if (note.kind === 'line') {
      const { stream, line } = note;
      const logLine = { line, program, stream, ...(note.quiet ? { quiet: true as const } : {}) };
      report(
        step === undefined ? { type: 'program.log', ...logLine } : { type: 'step.log', step, ...logLine },
      );
      return;
    }
    const { argv, exitCode, signal, durationMs, stdoutBytes } = note;
    const ended = { program, argv, exitCode, signal: signal ?? undefined, durationMs, stdoutBytes };
    report({ type: 'program.ended', step, ...ended });
  };
}
