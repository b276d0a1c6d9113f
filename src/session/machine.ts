import { askApiServer } from '../host/api-server.ts';
import { listProcesses } from '../host/processes.ts';
import { createRunner, type Runner, type RunnerSettings } from '../host/runner.ts';
import { selfPath } from '../payload/open-payload.ts';

/** Where a flow works: the file that carries its payload, and what starts its programs. */
export interface Machine {
  executable: string;
  createRunner(settings?: RunnerSettings): Runner;
  askApiServer: typeof askApiServer;
  listProcesses: typeof listProcesses;
}

/** This host, with ourselves as the payload. */
export const thisMachine: Machine = {
  executable: selfPath,
  createRunner,
  askApiServer,
  listProcesses,
};
