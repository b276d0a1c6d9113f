import type { KubeObject } from '../host/kubectl.ts';
import type { Pod } from '../host/pods.ts';
import type { Taint } from '../policy/node-fit.ts';
import type { QuotaObject } from '../policy/quota-use.ts';

export interface NodeObject extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: Taint[] };
  status: {
    conditions?: {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      lastTransitionTime?: string;
    }[];
    allocatable?: Record<string, string>;
    nodeInfo?: { bootID?: string };
  };
}

export const nodeCondition = ({ status }: NodeObject, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

export interface Claim extends KubeObject {
  spec?: { volumeName?: string };
  status?: { phase?: string };
}

export type StorageClass = KubeObject;

export interface ClusterObjects {
  nodes: NodeObject[];
  /** Of the product's namespace. */
  pods: Pod[];
  allPods: Pod[];
  quotas: QuotaObject[];
  classes: StorageClass[];
  allClaims: Claim[];
  claims: Claim[];
}
