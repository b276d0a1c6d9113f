import { connectionProves, licenseProves, verdictText } from '../policy/license-text.ts';
import { usedEntitlements } from '../policy/used-entitlements.ts';
import { type Known, mapKnown } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import type { License } from '../release/license-file.ts';
import type { EntitlementFinding, LicenseFindings } from '../release/license-check.ts';
import { serverName, serversText } from '../release/license-servers.ts';
import type { LicenseReport, LicenseRow } from './license-schema.ts';

/** What runs on this host now. */
export interface RunsNow {
  /** The installed licence; null: there is none. */
  license: Known<License | null>;
  /** Values and derived results of what is installed; null: nothing is. */
  installation: Known<{ values: unknown; derived: Record<string, unknown> } | null>;
}

interface Checked {
  product: Product;
  version: string;
  license: { license: License; source: 'file' | 'installed' | 'server'; name: string } | undefined;
  findings: LicenseFindings | undefined;
  now: RunsNow;
}

/** Joins what was found with what runs now; a pure function. */
export function licenseReport({ product, version, license, findings, now }: Checked): LicenseReport {
  const required = product.license?.server === 'required';
  const rows = (findings?.entitlements ?? []).map((one) => row(one, product, now));
  const server = findings?.server ?? 'none';
  const isOut = server === 'unreachable' || server === 'not named';
  const serverText =
    findings === undefined || server === 'none' ? '' : `licence server: ${serversText(findings)}`;
  const failures = [
    ...rows.filter(({ needed, status }) => needed && status !== 'granted').map(named),
    ...(isOut && required ? [serverText] : []),
  ];
  const isEmpty = now.installation.known && now.installation.value === null;
  const names = (granted: boolean) =>
    rows.filter(({ status }) => (status === 'granted') === granted).map(({ entitlement }) => entitlement);
  const warnDays = product.license?.warnDays ?? 0;
  const soon = ({ status, daysLeft, free }: LicenseRow) =>
    status === 'granted' && ((daysLeft !== null && daysLeft < warnDays) || free === 0);
  const warnings = [
    ...rows.filter(soon).map(named),
    ...((isOut && !required) || server === 'partly' ? [serverText] : []),
  ];
  return {
    product: product.name,
    title: product.title,
    version,
    ok: failures.length === 0,
    license:
      license === undefined
        ? null
        : {
            source: license.source,
            name: license.name,
            format: license.license.format,
            notes: findings?.notes ?? [],
          },
    entitlements: rows,
    servers: (findings?.servers ?? []).map((one) => {
      const { host, port, answer } = one;
      return {
        name: serverName(one),
        host,
        port: answer.answered ? answer.port : (port ?? null),
        answered: answer.answered,
        address: answer.answered ? answer.address : null,
        why: answer.answered ? null : answer.why,
      };
    }),
    server,
    serverRequired: required,
    lmstat: findings?.lmstat ?? { known: false, why: 'there is no licence to ask for' },
    host: {
      installedLicense: mapKnown(now.license, (value) => value !== null),
      values: mapKnown(now.installation, (value) => value !== null),
    },
    install:
      isEmpty && license?.source === 'file' && !(isOut && required)
        ? { enables: names(true), leavesOff: names(false) }
        : null,
    failures,
    warnings,
    proves: [
      ...(license?.license.format === 'flexnet' ? [licenseProves] : []),
      ...((findings?.servers.length ?? 0) > 0 ? [connectionProves] : []),
    ],
  };
}

const named = ({ entitlement, text }: LicenseRow) => `${entitlement}: ${text}`;

function row(found: EntitlementFinding, product: Product, { license, installation }: RunsNow): LicenseRow {
  const { entitlement, feature, status, why, expires, daysLeft, version, count, free, lmstat } = found;
  const { connector = '', leastVersion } = product.entitlements[entitlement] ?? {};
  const running = installation.known ? installation.value : null;
  const enabled =
    running === null ? null : usedEntitlements(product.entitlements, running).includes(entitlement);
  const installed =
    license.known && license.value !== null ? license.value.entitlements.includes(entitlement) : null;
  return {
    entitlement,
    feature,
    leastVersion: leastVersion ?? null,
    connector,
    status,
    why: why ?? null,
    expires: expires === null ? 'never' : (expires ?? null),
    daysLeft: daysLeft ?? null,
    version: version ?? null,
    count: count === null ? 'uncounted' : (count ?? null),
    free: free ?? null,
    lmstat: lmstat?.state ?? null,
    enabled,
    installed,
    // What is not known counts: only a connector that is known to be off, and was never licensed, does not.
    needed: enabled !== false || installed === true,
    text: verdictText(found),
  };
}
