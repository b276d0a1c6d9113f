import type { State } from '../../src/engine/state.ts';
import type { TestHost } from './host.ts';

export async function readState(host: TestHost): Promise<State> {
  return JSON.parse(await host.readFile('/opt/ivaap/.installer/state.json')) as State;
}
