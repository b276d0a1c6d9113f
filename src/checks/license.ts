import type { Measurement } from '../policy/preflight-report.ts';
import { verdictText } from '../policy/license-text.ts';
import { usedEntitlements } from '../policy/used-entitlements.ts';
import { checkLicense, type EntitlementFinding, type LicenseFindings } from '../release/license-check.ts';
import { newLicenseFix, serversFix, serversText } from '../release/license-servers.ts';
import type { Check } from './check.ts';
import type { CheckContext } from './context.ts';

/** The same as the command license-check, for the connectors that run here or would. */
export const license: Check = {
  id: 'license',
  kind: 'outage',
  title: 'Licence of the enabled connectors',
  limit: 'granted for the target release',
  limitInFull:
    'each enabled connector is granted to this host for the target release; the licence server takes a ' +
    'connection where the product requires it, otherwise it is a warning; a warning when the licence ' +
    'expires soon or cannot be compared',
  why: 'a connector without its licence stops working; none is switched off because of it',
  fix: 'ask the vendor for a licence that grants it',
  timeoutSeconds: 60,
  flows: ['install', 'upgrade'],
  applies: ({ product }) => product.license !== undefined && Object.keys(product.entitlements).length > 0,
  async measure(ctx) {
    const used = enabledHere(ctx);
    const fix = newLicenseFix(ctx.product);
    if (ctx.license === undefined) {
      if (used.length === 0) return { outcome: 'ok', measured: 'no licence, and no connector needs one' };
      return used.map((part) => ({ part, outcome: 'fail', measured: 'no licence is installed', fix }));
    }
    const findings = await checkLicense(ctx.license, ctx.product, ctx);
    const warnDays = ctx.product.license?.warnDays ?? 0;
    const measured = findings.entitlements
      .filter(({ entitlement }) => used.includes(entitlement))
      .map((one) => ({ ...judgeOne(one, warnDays), fix: ctx.flow === 'upgrade' ? fix : undefined }));
    const server = judgeServers(findings, ctx.product.license?.server === 'required');
    const all = server === undefined ? measured : [...measured, server];
    return all.length > 0 ? all : { outcome: 'ok', measured: 'no enabled connector needs a licence' };
  },
};

/** Of an install what is granted, or switched on by the operator's own values. */
function enabledHere(ctx: CheckContext): string[] {
  if (ctx.flow === 'install') return [...ctx.entitlements];
  const { values, state } = ctx;
  return usedEntitlements(ctx.product.entitlements, { values: values.root, derived: state.derived });
}

function judgeOne(found: EntitlementFinding, warnDays: number): Measurement {
  const { entitlement: part, status, daysLeft, free } = found;
  const soon = (daysLeft !== undefined && daysLeft < warnDays) || free === 0;
  const outcome = status === 'granted' ? (soon ? 'warn' : 'ok') : status === 'unknown' ? 'warn' : 'fail';
  return { part, outcome, measured: verdictText(found), data: { status, daysLeft } };
}

function judgeServers(findings: LicenseFindings, required: boolean): Measurement | undefined {
  const { server } = findings;
  if (server === 'none') return undefined;
  const bad = server === 'unreachable' || server === 'not named';
  return {
    part: 'server',
    outcome: bad ? (required ? 'fail' : 'warn') : server === 'partly' ? 'warn' : 'ok',
    measured: serversText(findings),
    limit: 'takes a connection within 3 s',
    fix: serversFix(findings),
    data: { server },
  };
}
