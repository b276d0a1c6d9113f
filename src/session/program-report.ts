import type { Emit, EngineEvent } from '../engine/events.ts';
import { currentStep } from '../engine/step-scope.ts';
import type { ReportNote } from '../host/program-output.ts';

/** What programs say and how they end, as events of the step that started them. */
export function reportTo(emit: Emit): ReportNote {
  return (note) => {
    const step = currentStep();
    const at = new Date().toISOString();
    const { program } = note;
    let event: EngineEvent;
    if (note.kind === 'line') {
      const { stream, line } = note;
      const words = { line, program, stream, ...(note.quiet ? { quiet: true as const } : {}) };
      event =
        step === undefined ? { type: 'program.log', at, ...words } : { type: 'step.log', at, step, ...words };
    } else {
      const { argv, exitCode, signal, durationMs, stdoutBytes } = note;
      const by = { ...(step === undefined ? {} : { step }), ...(signal === null ? {} : { signal }) };
      event = { type: 'program.ended', at, ...by, program, argv, exitCode, durationMs, stdoutBytes };
    }
    emit(event);
  };
}
