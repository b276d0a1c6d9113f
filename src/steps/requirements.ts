import { roomAt } from '../host/mounts.ts';
import { machine } from '../host/system.ts';
import type { Requirements } from '../payload/product-schema.ts';
import { checkRequirements, type RequirementResult } from '../policy/requirements.ts';

/** A machine sold with 4 GiB reports less: firmware and kernel take their part before anybody can measure. */
const memoryTolerance = 0.9;

/** Measures all that a product's requirements name, and judges it. */
export async function measureRequirements(requirements: Requirements): Promise<RequirementResult[]> {
  const { cpus, memoryBytes } = machine();
  const room = await Promise.all(
    requirements.room.map(async ({ path }) => {
      const { device, mountPoint, freeBytes } = await roomAt(path);
      return { path, fileSystem: device, mountPoint, freeBytes };
    }),
  );
  const limits = {
    ...requirements,
    memoryBytes: Math.floor(requirements.memoryBytes * memoryTolerance),
  };
  return checkRequirements(limits, { cpus, memoryBytes, room });
}
