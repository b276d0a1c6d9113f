import { foreign } from '../foreign.ts';
import { nodeCondition } from '../release/cluster-objects.ts';
import { type Check, withoutNode } from './check.ts';
import { sudo } from '../shell-word.ts';

export const nodeReady: Check = {
  id: 'node-ready',
  kind: 'health',
  title: 'Node ready',
  limit: 'Ready is True',
  why: 'pods are not started on a node that is not ready',
  fix: `${sudo.kubectl} describe node`,
  timeoutSeconds: 60,
  flows: ['install', 'upgrade'],
  async measure(_, facts) {
    const { nodes } = await facts.cluster();
    if (nodes.length === 0) return withoutNode;
    const bad = nodes.find((node) => nodeCondition(node, 'Ready')?.status !== 'True');
    if (bad === undefined) {
      return { outcome: 'ok', measured: `${nodes.map(({ metadata }) => metadata.name).join(', ')}: True` };
    }
    const ready = nodeCondition(bad, 'Ready');
    const message = ready?.message === undefined ? '' : ` (${foreign(ready.message)})`;
    return {
      outcome: 'fail',
      measured: `${bad.metadata.name}: ${ready?.status ?? 'no condition Ready'}${message}`,
      fix: `${sudo.kubectl} describe node ${bad.metadata.name}`,
    };
  },
};
