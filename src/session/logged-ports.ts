import type { Emit } from '../engine/events.ts';
import { RunLog } from '../engine/run-log.ts';
import { type CommandPorts, type FlowPorts, onThisMachine } from './ports.ts';

/** Ports whose events go to the run's log as well, from the flow's first word on. */
export interface LoggedPorts extends FlowPorts {
  log: RunLog;
}

export function loggedPorts(ports: CommandPorts): LoggedPorts {
  const log = new RunLog();
  const emit: Emit = (event) => {
    log.handle(event);
    ports.emit(event);
  };
  return { ...onThisMachine(ports), emit, log };
}
