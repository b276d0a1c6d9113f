import type { Emit } from '../engine/events.ts';
import type { Again } from '../policy/again.ts';
import type { Prompter } from '../policy/prompter.ts';
import { type Machine, thisMachine } from './machine.ts';

/** What a flow works with. */
export interface FlowPorts {
  machine: Machine;
  emit: Emit;
  signal: AbortSignal;
  /** Aborted by a second request to stop. */
  insist: AbortSignal;
  /** This program in the commands that messages tell the operator to run. */
  program: string;
  /** The command that runs, as it was typed. */
  again: Again;
  /** Asks the operator, who has to type `word` where there is one; undefined without a terminal. */
  confirm: ((question: string, word?: string) => Promise<boolean>) | undefined;
  /** Asks for answers that are missing; absent where there is no terminal that can show it. */
  prompter?: (() => Promise<Prompter>) | undefined;
}

/** What a command passes to a flow or a query: the machine is this host, unless a test passes another one. */
export type CommandPorts = Omit<FlowPorts, 'machine'> & Partial<Pick<FlowPorts, 'machine'>>;

export const onThisMachine = (ports: CommandPorts): FlowPorts => ({ machine: thisMachine, ...ports });
