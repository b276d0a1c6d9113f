const factors: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A quantity of Kubernetes' (`250m`, `1.5Gi`, `1e3`, 2) as a number: cores, bytes, pieces. NaN for what is
 * none.
 */
export function quantity(value: unknown): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]?|[KMGTPE]i)$/.exec(String(value));
  const factor = factors[match?.[2] ?? ''];
  return match === null || factor === undefined ? Number.NaN : Number(match[1]) * factor;
}

/** As people write it. */
export function amount(resource: string, value: number): string {
  if (/(^|\.)cpu$/.test(resource)) return value < 1 ? `${Math.round(value * 1000)}m` : String(round(value));
  if (!/(memory|storage)$/.test(resource)) return String(round(value));
  const unit = (['Gi', 'Mi', 'Ki'] as const).find((one) => Math.abs(value) >= (factors[one] ?? 1));
  return unit === undefined ? String(value) : `${round(value / (factors[unit] ?? 1))}${unit}`;
}

const round = (value: number) => Math.round(value * 100) / 100;
