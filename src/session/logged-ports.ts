import type { Emit, EngineEvent } from '../engine/events.ts';
import { RunLog } from '../engine/run-log.ts';
import { currentStep } from '../engine/step-scope.ts';
import type { ReportNote } from '../host/program-output.ts';
import type { FlowPorts } from './session.ts';

/** Ports whose events go to the run's log as well, from the flow's first word on. */
export interface LoggedPorts extends FlowPorts {
  log: RunLog;
}

export function loggedPorts(ports: FlowPorts): LoggedPorts {
  const log = new RunLog();
  const emit: Emit = (event) => {
    log.handle(event);
    ports.emit(event);
  };
  return { ...ports, emit, log };
}

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
