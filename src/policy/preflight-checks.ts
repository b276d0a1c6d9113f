/**
 * The checks of preflight as data. A guard protects data and blocks always; what would end in an outage blocks each run that has
 * still to start Helm, and may be waived; a health check blocks only a run that starts fresh: one that goes on may be there to mend
 * the very damage. docs/preflight.md is generated from this table.
 */
export interface Check {
  /** What `--waive` names. */
  id: string;
  kind: 'guard' | 'outage' | 'health';
  title: string;
  /** What the measured value is held against, in words. */
  limit: string;
  why: string;
  /** The one command or act that mends it, where what was found names no better one. */
  mends: string;
  /** After this it counts as failed, and says so. */
  timeoutSeconds: number;
  flows: readonly ('install' | 'upgrade')[];
}

const both = ['install', 'upgrade'] as const;
const upgrade = ['upgrade'] as const;

export const checks = [
  {
    id: 'payload',
    kind: 'guard',
    title: 'Payload intact',
    limit: 'every byte as it was packed',
    why: 'a damaged file would be found out in the middle of the work',
    mends: 'copy the file again and verify it',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'state',
    kind: 'guard',
    title: 'State readable and writable',
    limit: 'readable, on a file system that can be written',
    why: 'what is done must be recorded before it is done',
    mends: 'look at the folder of the state file (ls -la, df -h)',
    timeoutSeconds: 30,
    flows: upgrade,
  },
  {
    id: 'cpus',
    kind: 'guard',
    title: 'Processors',
    limit: "the product's, for an install and for an upgrade",
    why: 'the pods ask for them',
    mends: 'give the host more processors (nproc shows them)',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'memory',
    kind: 'guard',
    title: 'Memory',
    limit:
      "nine tenths of the product's (firmware and kernel take their part), for an install and for an upgrade",
    why: 'the pods ask for it',
    mends: 'give the host more memory (free -h shows it)',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'room',
    kind: 'guard',
    title: 'Room per file system',
    limit:
      "the product's limits or what is really missing (image layers and their unpacked size, dump, archives), whichever is more; on a run that goes on what is still missing",
    why: 'a disk that fills half-way stops database and cluster',
    mends: 'make room (df -h), or give it a larger disk',
    timeoutSeconds: 90,
    flows: both,
  },
  {
    id: 'versions',
    kind: 'guard',
    title: 'State, chart and release agree',
    limit: 'one version, or one that an unfinished upgrade left there',
    why: 'an upgrade from an unknown version cannot be judged',
    mends: 'bring the three to one version first',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'k3s-version',
    kind: 'guard',
    title: 'Kubernetes version',
    limit: "the product's range",
    why: 'the chart was made and tried for these versions',
    mends: 'k3s --version',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'chart',
    kind: 'guard',
    title: 'Chart renders with your values',
    limit: 'no complaint of Helm or of the chart’s schema',
    why: 'Helm would refuse it after the backup, in the maintenance window',
    mends: 'mend the values file, then run the same command again',
    timeoutSeconds: 120,
    flows: upgrade,
  },
  {
    id: 'postgres-major',
    kind: 'guard',
    title: 'PostgreSQL major version',
    limit: 'the rendered one equals the running one',
    why: 'another major does not read the data folder',
    mends: 'dump and restore into the new major by hand first; ask the vendor',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'images',
    kind: 'guard',
    title: 'Rendered images accounted for',
    limit: 'each one in the payload for this licence, or in containerd and pinned',
    why: 'nothing can be pulled here: a pod of another image never starts',
    mends: 'mend the image in the values file',
    timeoutSeconds: 120,
    flows: upgrade,
  },
  {
    id: 'archives',
    kind: 'guard',
    title: 'Archives on disk usable',
    limit: 'with --images-from disk: whole and of this release',
    why: 'a damaged archive would be found after the dump',
    mends: 'write it anew: --refresh-archives',
    timeoutSeconds: 1800,
    flows: upgrade,
  },
  {
    id: 'helm-state',
    kind: 'guard',
    title: 'Helm’s record of the release',
    limit: 'a state from which Helm can go on',
    why: 'Helm refuses, or undoes what somebody else does',
    mends: 'k3s kubectl get secrets -A -l owner=helm',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'field-conflicts',
    kind: 'guard',
    title: 'No field taken over from Helm',
    limit: 'no field of the release has another manager, or --force-conflicts',
    why: 'Helm’s upgrade fails on it, and its rollback, too',
    mends: 'say the same in the values file, or take the fields over with --force-conflicts',
    timeoutSeconds: 180,
    flows: upgrade,
  },
  {
    id: 'objects',
    kind: 'outage',
    title: 'API server takes the objects and their pods',
    limit:
      'each object of the chart, tried by a server-side dry run in Helm’s name, each pod template whose pods are made anew, and hooks; Helm’s own record readable',
    why: 'Helm would fail on it after it has replaced other pods',
    mends: 'mend what the API server names',
    timeoutSeconds: 180,
    flows: upgrade,
  },
  {
    id: 'schedule',
    kind: 'outage',
    title: 'New pods find their place',
    limit:
      'the node takes them (cordon, taints, selectors, ports), what is free on it and in each quota is enough in the order of the rollout, no other node takes them',
    why: 'old pods would stop, and nothing could be started in their place',
    mends: 'k3s kubectl describe nodes',
    timeoutSeconds: 180,
    flows: both,
  },
  {
    id: 'helm-process',
    kind: 'guard',
    title: 'No foreign Helm at work',
    limit: 'no Helm that changes this release and is not in our journal',
    why: 'two Helms on one release leave neither’s result',
    mends: 'wait for it to end (pgrep -a helm)',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'node-ready',
    kind: 'health',
    title: 'Node ready',
    limit: 'Ready is True',
    why: 'pods are not started on a node that is not ready',
    mends: 'k3s kubectl describe node',
    timeoutSeconds: 60,
    flows: both,
  },
  {
    id: 'disk-pressure',
    kind: 'health',
    title: 'No pressure on the node',
    limit: 'DiskPressure, MemoryPressure and PIDPressure are False',
    why: 'kubelet evicts pods under pressure, the database among them',
    mends: 'k3s kubectl describe node',
    timeoutSeconds: 60,
    flows: both,
  },
  {
    id: 'image-gc',
    kind: 'health',
    title: 'Image file system below kubelet’s threshold',
    limit: 'below imageGCHighThresholdPercent, new images included',
    why: 'above it kubelet removes images that no pod runs just now',
    mends: 'make room on it (df -h), or give it a larger disk',
    timeoutSeconds: 90,
    flows: both,
  },
  {
    id: 'pods',
    kind: 'health',
    title: 'No pod crash-loops',
    limit: 'no container waits in a crash loop or for its image',
    why: 'an upgrade would be blamed for damage that was there before',
    mends: 'k3s kubectl get pods -A',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'volume-bound',
    kind: 'health',
    title: 'Volume claims bound',
    limit: 'every claim of the namespace is Bound, the database’s among them',
    why: 'a database without its volume does not start',
    mends: 'k3s kubectl get pvc -A',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'database',
    kind: 'health',
    title: 'Database answers',
    limit: 'one query is answered',
    why: 'without it there is no backup',
    mends: 'k3s kubectl get pods -A',
    timeoutSeconds: 60,
    flows: upgrade,
  },
  {
    id: 'ingress',
    kind: 'health',
    title: 'Ingress answers',
    limit: 'the health routes answer as they should; before an install: anything answers',
    why: 'the product is judged through it after the upgrade',
    mends: 'k3s kubectl get ingress,pods -A',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'certificates',
    kind: 'health',
    title: 'Certificates of the cluster',
    limit: 'valid for 1 day at least; a warning below 30 days',
    why: 'a cluster whose certificates expire stops answering half-way',
    mends: 'systemctl restart k3s',
    timeoutSeconds: 30,
    flows: both,
  },
  {
    id: 'clock',
    kind: 'health',
    title: 'Clock',
    limit: 'at most 60 s from the API server’s and not before the last recorded run; a warning from 5 s',
    why: 'ages of backups and validity of certificates are judged by it',
    mends: 'timedatectl set-ntp true',
    timeoutSeconds: 30,
    flows: both,
  },
] as const satisfies readonly Check[];

export type CheckId = (typeof checks)[number]['id'];
