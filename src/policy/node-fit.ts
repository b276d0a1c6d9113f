import { foreign } from '../foreign.ts';
import { holds, type PodNeeds, type Toleration } from './pod-needs.ts';
import { sudo } from '../shell-word.ts';

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export interface NodeFacts {
  name: string;
  labels: Record<string, string>;
  taints: Taint[];
  unschedulable: boolean;
}

const cordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function tolerates({ key, operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
  if (key === undefined || key === '') return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
}

const taintText = ({ key, value, effect }: Taint) =>
  `${key}${value === undefined || value === '' ? '' : `=${foreign(value)}`}:${effect}`;

/**
 * Why a node accepts no such pod, regardless of free resources, and the command that fixes it; undefined when
 * it accepts it.
 */
export function repels(node: NodeFacts, { spec }: PodNeeds): { why: string; fix: string } | undefined {
  const tolerations = spec.tolerations ?? [];
  const repelling = (taint: Taint) =>
    (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
    !tolerations.some((one) => tolerates(one, taint));
  if (node.unschedulable && repelling(cordon)) {
    return {
      why: `node ${node.name} is cordoned and accepts no new pods`,
      fix: `${sudo.kubectl} uncordon ${node.name}`,
    };
  }
  const taint = node.taints.filter(({ key }) => key !== cordon.key).find(repelling);
  if (taint !== undefined) {
    return {
      why: `the taint ${taintText(taint)} of node ${node.name} is not tolerated`,
      // Kubernetes sets its own again while their cause lasts.
      fix: taint.key.startsWith('node.kubernetes.io/')
        ? `${sudo.kubectl} describe node ${node.name}`
        : `${sudo.kubectl} taint nodes ${node.name} ${taint.key}:${taint.effect}-`,
    };
  }
  const differs = Object.entries(spec.nodeSelector ?? {}).find(([key, value]) => node.labels[key] !== value);
  const show = `${sudo.kubectl} get node ${node.name} --show-labels`;
  if (differs !== undefined) {
    return {
      why: `node ${node.name} lacks the label ${differs[0]}=${foreign(differs[1])} that the pod selects`,
      fix: show,
    };
  }
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const fields = { 'metadata.name': node.name };
  const takes = terms?.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchExpressions.length + matchFields.length > 0 &&
      matchExpressions.every((one) => holds(one, node.labels)) &&
      matchFields.every((one) => holds(one, fields)),
  );
  if (takes === false) {
    return { why: `node ${node.name} does not match the required node affinity`, fix: show };
  }
  return undefined;
}
