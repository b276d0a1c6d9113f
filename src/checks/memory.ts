import { machine } from '../host/system.ts';
import type { Requirements } from '../payload/product-schema.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';

/** A machine sold with 4 GiB reports less: firmware and kernel reserve a part. */
const memoryTolerance = 0.9;

export const memory: Check = {
  id: 'memory',
  kind: 'guard',
  title: 'Memory',
  limit:
    '90 % of what the product requires (firmware and kernel ' +
    'take the rest), for an install and for an upgrade',
  why: 'the pods request it',
  fix: 'give the host more memory (free -h shows it)',
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure: ({ product, flow }) => judgeMemory(product.requirements[flow], machine()),
};

export function judgeMemory(
  { memoryBytes: sold }: Requirements,
  { memoryBytes }: { memoryBytes: number },
): Measurement {
  const needed = Math.floor(sold * memoryTolerance);
  return {
    outcome: memoryBytes >= needed ? 'ok' : 'fail',
    measured: `${formatBytes(memoryBytes)} of memory`,
    limit: `${formatBytes(needed)} needed`,
    data: { memoryBytes, neededBytes: needed },
  };
}
