import type { Measurement } from '../policy/preflight-report.ts';
import { foreign } from '../foreign.ts';
import type { HostFacts } from './facts.ts';
import type { NodeObject } from '../release/cluster-objects.ts';

const conditionOf = (node: NodeObject, type: string) =>
  node.status.conditions?.find((condition) => condition.type === type);

const describe = (node: NodeObject) => `k3s kubectl describe node ${node.metadata.name}`;

export async function checkNodeReady(facts: HostFacts): Promise<Measurement> {
  const { nodes } = await facts.cluster();
  const limit = 'Ready is True';
  const bad = nodes.find((node) => conditionOf(node, 'Ready')?.status !== 'True');
  if (nodes.length === 0) return { outcome: 'fail', measured: 'the cluster has no node', limit };
  if (bad === undefined) {
    return {
      outcome: 'ok',
      measured: `${nodes.map(({ metadata }) => metadata.name).join(', ')}: True`,
      limit,
    };
  }
  const ready = conditionOf(bad, 'Ready');
  return {
    outcome: 'fail',
    measured: `${bad.metadata.name}: ${ready?.status ?? 'no condition Ready'}${ready?.message === undefined ? '' : ` (${foreign(ready.message)})`}`,
    limit,
    fix: describe(bad),
  };
}

const pressures = ['DiskPressure', 'MemoryPressure', 'PIDPressure'];

export async function checkPressure(facts: HostFacts): Promise<Measurement> {
  const { nodes } = await facts.cluster();
  const limit = `none of ${pressures.join(', ')}`;
  for (const node of nodes) {
    const under = pressures.filter((type) => conditionOf(node, type)?.status === 'True');
    if (under.length === 0) continue;
    return {
      outcome: 'fail',
      measured: `${node.metadata.name}: ${under.join(', ')}`,
      limit,
      fix: describe(node),
    };
  }
  return { outcome: 'ok', measured: 'none', limit };
}
