import { nearestNames } from './nearest.ts';

/** A product's connectors as far as answers go: entitlement in the licence -> its connector. */
export type ConnectorsByEntitlement = Readonly<
  Record<string, { connector: string; enabledPath?: readonly string[] | undefined }>
>;

/** Connectors to enable, and what says so: an answer of this invocation is above the values file. */
export interface ChosenConnectors {
  names: readonly string[];
  from: 'answer' | 'values' | 'earlier';
}

const connectorNames = (entitlements: ConnectorsByEntitlement): string[] =>
  [...new Set(Object.values(entitlements).map(({ connector }) => connector))].sort();

/** The connectors that a licence grants. */
export const grantedConnectors = (
  entitlements: ConnectorsByEntitlement,
  granted: readonly string[],
): string[] => [...new Set(granted.flatMap((name) => entitlements[name]?.connector ?? []))].sort();

/** `witsml,ppdm`, or `none`; a name that is written twice counts once. */
export function connectorsOf(typed: string): string[] {
  const names = typed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 1 && names[0] === 'none' ? [] : [...new Set(names)].sort();
}

/** Why connectors cannot be enabled, following their names in a sentence; undefined where they can be. */
export function connectorsFault(
  wanted: readonly string[],
  entitlements: ConnectorsByEntitlement,
  granted: readonly string[] | undefined,
): { what: string; fix: string } | undefined {
  const known = connectorNames(entitlements);
  const listed = (names: readonly string[]) => names.join(',') || 'none';
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const [near] = nearestNames(unknown, known, 1);
    return {
      what: `${unknown} is no connector of this release, which has: ${known.join(', ') || 'none'}`,
      fix:
        near === undefined ? listed(known) : listed(wanted.map((name) => (name === unknown ? near : name))),
    };
  }
  if (granted === undefined) return undefined;
  const allowed = grantedConnectors(entitlements, granted);
  const denied = wanted.filter((name) => !allowed.includes(name));
  if (denied.length === 0) return undefined;
  return {
    what: `the licence does not grant ${denied.join(', ')}; it grants: ${allowed.join(', ') || 'none'}`,
    fix: listed(wanted.filter((name) => allowed.includes(name))),
  };
}

/** The granted entitlements without those of connectors that were not chosen. */
export const enabledEntitlements = (
  entitlements: ConnectorsByEntitlement,
  granted: readonly string[],
  chosen: readonly string[] | undefined,
): string[] =>
  granted.filter((name) => {
    const connector = entitlements[name]?.connector;
    return chosen === undefined || connector === undefined || chosen.includes(connector);
  });
