import type { AnyCheck, Check } from './check.ts';
import { archives } from './archives.ts';
import { certificates } from './certificates.ts';
import { chart } from './chart.ts';
import { clock } from './clock.ts';
import { cpus } from './cpus.ts';
import { database } from './database.ts';
import { databaseLogin } from './database-login.ts';
import { diskPressure } from './disk-pressure.ts';
import { fieldConflicts } from './field-conflicts.ts';
import { halted } from './halted.ts';
import { helmProcess } from './helm-process.ts';
import { helmState } from './helm-state.ts';
import { imageGc } from './image-gc.ts';
import { images } from './images.ts';
import { ingress } from './ingress.ts';
import { k3sVersion } from './k3s-version.ts';
import { license } from './license.ts';
import { memory } from './memory.ts';
import { nodeReady } from './node-ready.ts';
import { objects } from './objects.ts';
import { payload } from './payload.ts';
import { pods } from './pods.ts';
import { postgresMajor } from './postgres-major.ts';
import { pullPolicy } from './pull-policy.ts';
import { references } from './references.ts';
import { releaseNotes } from './release-notes.ts';
import { room } from './room.ts';
import { sandboxImage } from './sandbox-image.ts';
import { schedule } from './schedule.ts';
import { state } from './state.ts';
import { versions } from './versions.ts';
import { volumeBound } from './volume-bound.ts';

/** All checks of preflight, in the order in which they are reported. */
export const checks: readonly AnyCheck[] = [
  payload,
  state,
  halted,
  cpus,
  memory,
  room,
  versions,
  k3sVersion,
  releaseNotes,
  chart,
  postgresMajor,
  license,
  images,
  archives,
  helmState,
  fieldConflicts,
  objects,
  schedule,
  databaseLogin,
  references,
  pullPolicy,
  sandboxImage,
  helmProcess,
  nodeReady,
  diskPressure,
  imageGc,
  pods,
  volumeBound,
  database,
  ingress,
  certificates,
  clock,
];

const isOf = ({ flows }: AnyCheck, flow: string) => (flows as readonly string[]).includes(flow);

export const checksOf = {
  install: checks.filter((check): check is Check => isOf(check, 'install')),
  upgrade: checks.filter((check) => isOf(check, 'upgrade')),
};
