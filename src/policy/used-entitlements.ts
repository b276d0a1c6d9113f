import { valueAt } from './values-patches.ts';

/** Of the product's data: which values switch a connector on. */
type Switches = Readonly<Record<string, { enabledPath?: readonly string[] | undefined }>>;

/** What Helm's templates take for false. */
function isOff(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** What runs on a host, as far as a licence matters. */
export interface Running {
  /** The values file; undefined where there is none. */
  values: unknown;
  /** What the installed release was installed with: `derived` of the state. */
  derived: Readonly<Record<string, unknown>>;
}

/**
 * The entitlements whose connectors a host runs: those that its values switch on, and, of those without a
 * switch, what the licence granted when it was installed. What a licence grants today does not matter.
 */
export function usedEntitlements(switches: Switches, { values, derived }: Running): string[] {
  const granted = Array.isArray(derived['entitlements']) ? (derived['entitlements'] as unknown[]) : [];
  return Object.entries(switches)
    .filter(([name, { enabledPath }]) =>
      enabledPath === undefined ? granted.includes(name) : !isOff(valueAt(values, enabledPath)),
    )
    .map(([name]) => name);
}
