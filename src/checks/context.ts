import type { State } from '../engine/state.ts';
import type { askApiServer } from '../host/api-server.ts';
import type { listProcesses } from '../host/processes.ts';
import type { InstallContext, UpgradeContext } from '../release/context.ts';
import type { PodTrial } from '../release/pod-trials.ts';

/** What preflight adds to the context of either flow. */
interface Preflight {
  askApiServer: typeof askApiServer;
  listProcesses: typeof listProcesses;
  /** Aborted when the last check has ended. */
  signal: AbortSignal;
  /** An unfinished run of this flow is resumed: part of what it needs exists already. */
  resumed: boolean;
}

export type InstallCheckContext = InstallContext &
  Preflight & { flow: 'install'; state: Readonly<State> | undefined };

export type UpgradeCheckContext = UpgradeContext &
  Preflight & {
    flow: 'upgrade';
    state: Readonly<State>;
    /** What the API server says of the pods that the upgrade will create, queried once. Holds secrets. */
    podTrials(): Promise<readonly PodTrial[]>;
  };

/** What a check of both flows is given; `flow` says whose context it is. */
export type CheckContext = InstallCheckContext | UpgradeCheckContext;
