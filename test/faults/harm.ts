import { setTimeout as sleep } from 'node:timers/promises';
import { TestHost } from '../e2e/host.ts';
import { labStop, labUp } from '../lab/host.ts';
import type { WatchedRun } from './watched-run.ts';
import { send } from './watched-run.ts';

/** What was done to a run or its host. */
interface Harm {
  /** Takes the fault back: once the run has ended, or after `afterMs` whatever the run does meanwhile. */
  fix?: () => Promise<void>;
  afterMs?: number;
}

/**
 * Does harm while the run is paused; the run continues afterwards. `pid` is the program that was waited for.
 */
export type Act = (run: WatchedRun, pid: number | undefined) => Promise<Harm>;

export const signal =
  (name: NodeJS.Signals): Act =>
  async (run) => {
    run.signal(name);
    return {};
  };

/** The second time once the first was taken note of: two at once count as one. */
export const askTwice: Act = async (run) => {
  run.signal('SIGINT');
  run.thaw();
  await sleep(2000);
  run.signal('SIGINT');
  return {};
};

const helmHeldMs = 30_000;

/** Helm is paused next to it for a while, so that the next run finds it alive. */
export const killBesideHelm: Act = async (run, pid) => {
  if (pid === undefined) throw new Error('no Helm to live on');
  send(pid, 'SIGSTOP');
  run.signal('SIGKILL');
  setTimeout(() => send(pid, 'SIGCONT'), helmHeldMs);
  return {};
};

export const killProgram: Act = async (_run, pid) => {
  if (pid !== undefined) send(pid, 'SIGKILL');
  return {};
};

async function clusterAnswers(host: TestHost): Promise<void> {
  await host.until('the API server answers', 120, async () =>
    (await host.kubectl('get', '--raw', '/readyz')).code === 0 ? true : undefined,
  );
}

/** The node's lease was not renewed meanwhile, and who watches it looks again in its own time. */
async function nodeReports(host: TestHost): Promise<void> {
  const path = '{.items[*].status.conditions[?(@.type=="Ready")].status} {.items[*].spec.taints[*].key}';
  await host.until('the node is ready', 180, async () => {
    const { stdout } = await host.kubectl('get', 'nodes', '-o', `jsonpath=${path}`);
    return stdout.trim() === 'True' ? true : undefined;
  });
}

const apiServerAwayMs = 60_000;

/** As a restart of k3s that takes a minute; pods continue running. */
export const stopApiServer: Act = async ({ host }) => {
  await host.shell('touch /run/lab/hold; kill -9 $(cat /run/lab/kube-apiserver.pid)');
  return {
    afterMs: apiServerAwayMs,
    fix: async () => {
      await host.shell('rm -f /run/lab/hold');
      await clusterAnswers(host);
      await nodeReports(host);
    },
  };
};

/** It is started again at once, as systemd does. */
export const killContainerd: Act = async ({ host }) => {
  await host.shell('kill -9 $(cat /run/lab/containerd.pid)');
  return {
    fix: async () => {
      await host.until('containerd answers', 60, async () =>
        (await host.k3s('ctr', 'version')).code === 0 ? true : undefined,
      );
    },
  };
};

export const deleteDatabasePod: Act = async ({ host }) => {
  const { code, stderr } = await host.kubectl('delete', 'pod', '-n', 'ivaap', 'postgres-0', '--wait=false');
  if (code !== 0) throw new Error(`kubectl delete pod: ${stderr}`);
  return { fix: () => host.untilHealthy(120) };
};

/** To the last block, so that not even a small file finds room. */
const fill = (folder: string) => `
blocks() { df --output=avail -B4096 ${folder} | tail -1; }
fallocate -l $(( ($(blocks) - 8192) * 4096 )) ${folder}/.filler
for turn in 1 2 3 4 5; do
  dd if=/dev/zero of=${folder}/.filler-rest bs=4096 oflag=append conv=notrunc 2>/dev/null || true
  sync -f ${folder}
  [ "$(blocks)" -gt 0 ] || break
done
[ "$(blocks)" -le 16 ]
`;

export const fillProductDisk: Act = async ({ host }) => {
  await host.shell(fill('/opt/ivaap'));
  return { fix: async () => void (await host.shell('rm /opt/ivaap/.filler /opt/ivaap/.filler-rest')) };
};

const contentStore = '/var/lib/rancher/k3s/agent/containerd/io.containerd.content.v1.content';

const ownDisk = '/var/lib/blobs-disk';

/**
 * Puts containerd's blobs on a small disk of their own, so that a full one does not starve the cluster's
 * database.
 */
export async function ownDiskForBlobs(host: TestHost): Promise<void> {
  await host.shell(
    `
    truncate -s 400M ${ownDisk}.img
    mkfs.xfs -q ${ownDisk}.img
    mkdir ${ownDisk}
    mount -o loop ${ownDisk}.img ${ownDisk}
    touch /run/lab/hold
    kill -9 $(cat /run/lab/containerd.pid)
    sleep 1
    cp -a ${contentStore}/. ${ownDisk}/
    mount --bind ${ownDisk} ${contentStore}
    umount ${ownDisk}
    rmdir ${ownDisk}
    rm /run/lab/hold
    until k3s ctr version >/dev/null 2>&1; do sleep 0.3; done
  `,
    { env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root' } },
  );
  await host.untilHealthy(120);
  // The kubelet dials containerd again in its own time; until then nothing is executed in a pod.
  await host.until('the kubelet has found containerd again', 60, () => host.sql('SELECT 1'));
}

export const fillBlobDisk: Act = async ({ host }) => {
  await host.shell(fill(contentStore));
  return {
    fix: async () => void (await host.shell(`rm ${contentStore}/.filler ${contentStore}/.filler-rest`)),
  };
};

/** SIGKILL, all that /opt/ivaap had not synced is lost, the whole machine ends and starts again. */
export const powerCut: Act = async (run) => {
  const { host } = run;
  run.signal('SIGKILL');
  await host.shell("xfs_io -x -c 'shutdown' /opt/ivaap");
  // What waits for a stopped program would hold the disks.
  run.thaw();
  await run.finished;
  await labStop(host.name, { graceMs: 0 });
  await labUp(host.name, { timeoutMs: 240_000 });
  // Mounts of packages went with the machine.
  await new TestHost(host.name).untilHealthy(180);
  return {};
};
