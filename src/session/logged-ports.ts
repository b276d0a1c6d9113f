import type { Emit } from '../engine/events.ts';
import { RunLog } from '../engine/run-log.ts';
import type { FlowPorts } from './ports.ts';

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
