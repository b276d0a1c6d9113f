import { machine } from '../host/system.ts';
import type { Requirements } from '../payload/product-schema.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { formatBytes } from '../policy/format-bytes.ts';

/** A machine sold with 4 GiB reports less: firmware and kernel take their part before anybody can measure. */
const memoryTolerance = 0.9;

export function checkProcessors({ cpus: needed }: Requirements, { cpus } = machine()): Measurement {
  return {
    outcome: cpus >= needed ? 'ok' : 'fail',
    measured: `${cpus} processors`,
    limit: `${needed} needed`,
    data: { cpus, needed },
  };
}

export function checkMemory(
  { memoryBytes: sold }: Requirements,
  { memoryBytes }: { memoryBytes: number } = machine(),
): Measurement {
  const needed = Math.floor(sold * memoryTolerance);
  return {
    outcome: memoryBytes >= needed ? 'ok' : 'fail',
    measured: `${formatBytes(memoryBytes)} of memory`,
    limit: `${formatBytes(needed)} needed`,
    data: { memoryBytes, neededBytes: needed },
  };
}
