import type { Measurement } from '../policy/preflight-report.ts';
import { nodeCondition, type NodeObject } from '../release/cluster-objects.ts';
import { type Check, withoutNode } from './check.ts';
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
    if (nodes.length === 0) return withoutNode;
    const found = nodes.map(pressureOf).filter((one) => one !== undefined);
    return found.find(({ outcome }) => outcome === 'fail') ?? found[0] ?? { outcome: 'ok', measured: 'none' };
  },
};

const pressures = ['DiskPressure', 'MemoryPressure', 'PIDPressure'];

/** A condition that is missing or Unknown, as when kubelet is silent, is no sign of an idle node. */
function pressureOf(node: NodeObject): Measurement | undefined {
  const { name } = node.metadata;
  const fix = `${sudo.kubectl} describe node ${name}`;
  const statusOf = (type: string) => nodeCondition(node, type)?.status;
  const under = pressures.filter((type) => statusOf(type) === 'True');
  if (under.length > 0) return { outcome: 'fail', measured: `${name}: ${under.join(', ')}`, fix };
  const unknown = pressures.filter((type) => statusOf(type) !== 'False');
  if (unknown.length === 0) return undefined;
  const measured = `not known: node ${name} does not report ${unknown.join(', ')}`;
  return { outcome: 'warn', measured, fix };
}
