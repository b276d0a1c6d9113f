import { machine } from '../host/system.ts';
import type { Requirements } from '../payload/product-schema.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';

export const cpus: Check = {
  id: 'cpus',
  kind: 'guard',
  title: 'Processors',
  limit: 'what the product requires, for an install and for an upgrade',
  why: 'the pods request them',
  fix: 'give the host more processors (nproc shows them)',
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure: ({ product, flow }) => judgeProcessors(product.requirements[flow], machine()),
};

export function judgeProcessors({ cpus: needed }: Requirements, { cpus }: { cpus: number }): Measurement {
  return {
    outcome: cpus >= needed ? 'ok' : 'fail',
    measured: `${cpus} processors`,
    limit: `${needed} needed`,
    data: { cpus, needed },
  };
}
