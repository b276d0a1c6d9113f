import { nodeCondition } from '../release/cluster-objects.ts';
import type { Check } from './check.ts';
import { sudo } from '../shell-word.ts';

export const diskPressure: Check = {
  id: 'disk-pressure',
  kind: 'health',
  title: 'No pressure on the node',
  limit: 'DiskPressure, MemoryPressure and PIDPressure are False',
  why: 'kubelet evicts pods under pressure, the database among them',
  fix: `${sudo.kubectl} describe node`,
  timeoutSeconds: 60,
  flows: ['install', 'upgrade'],
  async measure(_, facts) {
    const { nodes } = await facts.cluster();
    for (const node of nodes) {
      const under = pressures.filter((type) => nodeCondition(node, type)?.status === 'True');
      if (under.length === 0) continue;
      const { name } = node.metadata;
      return {
        outcome: 'fail',
        measured: `${name}: ${under.join(', ')}`,
        fix: `${sudo.kubectl} describe node ${name}`,
      };
    }
    return { outcome: 'ok', measured: 'none' };
  },
};

const pressures = ['DiskPressure', 'MemoryPressure', 'PIDPressure'];
