import type { Emit } from '../engine/events.ts';
import type { Again } from '../policy/again.ts';
import type { Machine } from './machine.ts';

/** What a command gives to a flow. */
export interface FlowPorts {
  machine: Machine;
  emit: Emit;
  signal: AbortSignal;
  /** Aborted when the operator asks a second time to stop. */
  insist: AbortSignal;
  /** This program as it was typed. */
  program: string;
  /** The command that runs, as it was typed. */
  again: Again;
  /** Asks the operator; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** What a run needs root for, in the words of its refusal. */
export const needsRootFor = ({
  dryRun,
  preflightOnly = false,
}: {
  dryRun: boolean;
  preflightOnly?: boolean;
}) => (dryRun || preflightOnly ? 'reads what only root may read' : 'changes the host');
