import type { State } from '../engine/state.ts';
import type { HostEvidence } from './host_evidence.ts';
import type { OpenedPayload } from './session.ts';

/** Everything that a repair is decided from; nothing is looked up here. */
export interface RepairFacts {
  opened: Pick<OpenedPayload, 'product' | 'release' | 'paths' | 'payload'>;
  evidence: HostEvidence;
  /** The state as it is; undefined where there is none that can be read. */
  state: State | undefined;
  /** Of the database now; undefined where it does not answer. */
  schemaNow: number | undefined;
  valuesMissing: boolean;
  /** Whether the database's folder holds anything. */
  hasData: boolean;
  now: Date;
  by: string;
  program: string;
  /** Path of this executable. */
  binary: string;
}
