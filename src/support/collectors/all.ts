import type { Collector } from '../collector.ts';
import { cluster } from './cluster.ts';
import { database } from './database.ts';
import { disk } from './disk.ts';
import { helm } from './helm.ts';
import { images } from './images.ts';
import { k3sService } from './k3s-service.ts';
import { kernel } from './kernel.ts';
import { network } from './network.ts';
import { otherPods } from './other-pods.ts';
import { podLogs } from './pod-logs.ts';
import { pods } from './pods.ts';
import { preflight } from './preflight.ts';
import { runLogs } from './run-logs.ts';
import { state } from './state.ts';
import { status } from './status.ts';
import { system } from './system.ts';
import { usage } from './usage.ts';
import { versions } from './versions.ts';

/** All parts of the bundle, in the report's order. */
export const collectors: readonly Collector[] = [
  status,
  state,
  runLogs,
  preflight,
  versions,
  pods,
  podLogs,
  otherPods,
  usage,
  helm,
  database,
  images,
  disk,
  kernel,
  system,
  network,
  k3sService,
  cluster,
];
