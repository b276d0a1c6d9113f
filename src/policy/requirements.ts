/** Least that a host must have. Sizes in bytes. */
export interface RequirementLimits {
  cpus: number;
  memoryBytes: number;
  /** Free room below each path; paths on one file system are added up. */
  room: readonly { path: string; freeBytes: number; why: string }[];
}

/** What a host has. `fileSystem` is equal for paths on the same file system (its device, or its mount point). */
export interface MeasuredHost {
  cpus: number;
  memoryBytes: number;
  room: readonly { path: string; fileSystem: string; mountPoint: string; freeBytes: number }[];
}

export interface RequirementResult {
  /** `cpus`, `memory`, or `room:` and the mount point. */
  id: string;
  ok: boolean;
  measured: number;
  limit: number;
  unit: 'count' | 'bytes';
  /** What it is needed for. */
  why: string;
  /** The result in one line. */
  summary: string;
  /** What mends it; present when not ok. */
  fix?: string;
}

/** `1.5 GiB`, as the summaries say sizes. */
function gibibytes(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return `${gib.toFixed(gib < 0.095 ? 3 : 1)} GiB`;
}

/**
 * Measures against limits, all of them: one result for the processors, one for the memory, one for each file system.
 * A path that was not measured fails its check.
 */
export function checkRequirements(limits: RequirementLimits, host: MeasuredHost): RequirementResult[] {
  return [
    {
      id: 'cpus',
      ok: host.cpus >= limits.cpus,
      measured: host.cpus,
      limit: limits.cpus,
      unit: 'count',
      why: 'the pods ask for them',
      summary: `${host.cpus} processors, ${limits.cpus} needed`,
      ...(host.cpus >= limits.cpus ? {} : { fix: 'give the host more processors (nproc shows them)' }),
    },
    {
      id: 'memory',
      ok: host.memoryBytes >= limits.memoryBytes,
      measured: host.memoryBytes,
      limit: limits.memoryBytes,
      unit: 'bytes',
      why: 'the pods ask for it',
      summary: `${gibibytes(host.memoryBytes)} of memory, ${gibibytes(limits.memoryBytes)} needed`,
      ...(host.memoryBytes >= limits.memoryBytes
        ? {}
        : { fix: 'give the host more memory (free -h shows it)' }),
    },
    ...checkRoom(limits.room, host.room),
  ];
}

function checkRoom(needs: RequirementLimits['room'], measured: MeasuredHost['room']): RequirementResult[] {
  const byFileSystem = new Map<
    string,
    { mountPoint: string; free: number | undefined; needs: RequirementLimits['room'][number][] }
  >();
  for (const need of needs) {
    const found = measured.find(({ path }) => path === need.path);
    const key = found?.fileSystem ?? `unmeasured ${need.path}`;
    const entry = byFileSystem.get(key) ?? {
      mountPoint: found?.mountPoint ?? need.path,
      free: found?.freeBytes,
      needs: [],
    };
    entry.needs.push(need);
    byFileSystem.set(key, entry);
  }
  return [...byFileSystem.values()].map(({ mountPoint, free, needs: onIt }) => {
    const limit = onIt.reduce((sum, { freeBytes }) => sum + freeBytes, 0);
    const ok = free !== undefined && free >= limit;
    const parts = onIt.map(({ path, freeBytes, why }) => `${gibibytes(freeBytes)} in ${path} (${why})`);
    const has =
      free === undefined
        ? `the free room of ${mountPoint} could not be measured`
        : `${gibibytes(free)} free on ${mountPoint}`;
    return {
      id: `room:${mountPoint}`,
      ok,
      measured: free ?? 0,
      limit,
      unit: 'bytes' as const,
      why: parts.join(', '),
      summary: `${has}, ${gibibytes(limit)} needed: ${parts.join(', ')}`,
      ...(ok ? {} : { fix: `make room on it (df -h ${mountPoint}), or give it a larger disk` }),
    };
  });
}
