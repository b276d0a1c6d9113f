import type { EntitlementVerdict } from './license-verdict.ts';

/** From here on days say less than the date. */
const farDays = 3 * 365;

/**
 * `expires in 12 days (2027-01-31)`, `expires on 2099-12-31`, `expires today`, `expired on 2026-10-30`,
 * `does not expire`.
 */
function expiryText({ expires, daysLeft }: Pick<EntitlementVerdict, 'expires' | 'daysLeft'>): string {
  if (expires === undefined) return 'expiry not known';
  if (expires === null || daysLeft === undefined) return 'does not expire';
  if (daysLeft < 0) return `expired on ${expires}`;
  if (daysLeft === 0) return `expires today (${expires})`;
  if (daysLeft > farDays) return `expires on ${expires}`;
  return `expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} (${expires})`;
}

/** `granted, expires in 12 days (2027-01-31)`, `older version: its version is lower than 2026.2`. */
export function verdictText(verdict: EntitlementVerdict): string {
  const { status, why } = verdict;
  const reason = why === undefined ? '' : `: ${why}`;
  if (status === 'granted') return `granted, ${expiryText(verdict)}${reason}`;
  if (status === 'expired') return expiryText(verdict);
  return `${status}${reason}`;
}

/** What an accepted connection proves of a licence server, and what it does not. */
export const connectionProves =
  'A connection proves that a program listens on that port. It does not prove that it is the license ' +
  'manager, that the vendor’s daemon runs (it has a port of its own), or that a licence is free.';

/** What the words of a licence prove, and what they do not. */
export const licenseProves =
  'A licence is read as it is written: its signatures are not checked, only the vendor’s daemon can do that.';
