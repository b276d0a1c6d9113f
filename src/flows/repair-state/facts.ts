import type { State } from '../../engine/state.ts';
import type { ReleaseRecord } from '../../host/helm-record.ts';
import type { HostEvidence } from '../../queries/host-evidence.ts';
import type { NoState } from '../../queries/without-state.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';

/** Everything that a repair is decided from. */
export interface RepairFacts {
  opened: Pick<OpenedPayload, 'product' | 'release' | 'paths' | 'payload'>;
  evidence: HostEvidence;
  /** The state as it is; undefined where there is none that can be read. */
  state: State | undefined;
  /** What is wrong with the state, or that it can be read. */
  problem: string;
  /** Of the database now; undefined where it does not answer. */
  schemaNow: number | undefined;
  valuesMissing: boolean;
  /** Whether the database's folder holds anything. */
  hasData: boolean;
  /** Folders beside it whose names begin with its own: where data were renamed to. */
  putAside: readonly string[];
  now: Date;
  by: string;
  program: string;
  /** Path of this executable. */
  binary: string;
}

export type Repair =
  | { kind: 'nothing'; message: string }
  | ({ kind: 'refused' } & NoState)
  | {
      kind: 'proposed';
      /** Undefined where the state is right and only the values file is missing. */
      state: State | undefined;
      /** The values that Helm deployed, for a values file that is missing. Holds secrets. */
      values: ReleaseRecord | undefined;
      lines: string[];
      /** Arguments after the program's name. */
      next: string;
    };

export type Refused = Repair & { kind: 'refused' };

export const refused = (code: Refused['code'], message: string, hint: string): Refused => ({
  kind: 'refused',
  code,
  message,
  hint,
});
