import { isObject, jsonAnswer } from '../../host/answer.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { columns } from '../../ui/format.ts';
import type { Collector } from '../collector.ts';

interface Measured {
  cpu?: { usageNanoCores?: number };
  memory?: { workingSetBytes?: number };
}

/** What kubelet answers to `stats/summary`, as far as it is shown. */
interface Summary {
  node: Measured & { rlimit?: { maxpid?: number; curproc?: number } };
  pods: (Measured & {
    podRef: { namespace: string; name: string };
    'ephemeral-storage'?: { usedBytes?: number };
    process_stats?: { process_count?: number };
  })[];
}

const bytes = (of: number | undefined) => (of === undefined ? '-' : formatBytes(of));
const cores = ({ cpu }: Measured) =>
  cpu?.usageNanoCores === undefined ? '-' : (cpu.usageNanoCores / 1e9).toFixed(3);

export const usage: Collector = {
  id: 'usage',
  title: 'What each pod uses, as kubelet measures it',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { kubectl } = await ctx.host();
    const { signal } = ctx;
    for (const { metadata } of await kubectl.list('nodes', { signal })) {
      const path = `/api/v1/nodes/${metadata.name}/proxy/stats/summary`;
      const { stdout } = await kubectl.run(['get', '--raw', path], { timeoutMs: 8000, signal });
      const { node, pods } = jsonAnswer<Summary>(
        `kubectl get --raw ${path}`,
        stdout,
        (answer) => isObject(answer?.node) && Array.isArray(answer.pods),
      );
      const rows = pods
        .sort((a, b) => (b.memory?.workingSetBytes ?? 0) - (a.memory?.workingSetBytes ?? 0))
        .map((pod) => [
          pod.podRef.namespace,
          pod.podRef.name,
          cores(pod),
          bytes(pod.memory?.workingSetBytes),
          bytes(pod['ephemeral-storage']?.usedBytes),
          String(pod.process_stats?.process_count ?? '-'),
        ]);
      const { rlimit } = node;
      const heading = ['NAMESPACE', 'POD', 'CORES', 'MEMORY', 'ON DISK', 'PROCESSES'];
      const all = ['', 'all of the node', cores(node), bytes(node.memory?.workingSetBytes), '-', '-'];
      const limit = `processes of the node: ${rlimit?.curproc ?? '-'} of at most ${rlimit?.maxpid ?? '-'}`;
      ctx.add(`${metadata.name}.txt`, [...columns([heading, ...rows, all], [2, 3, 4, 5]), limit].join('\n'));
    }
  },
};
