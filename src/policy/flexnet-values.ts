import { isIP } from 'node:net';
import type { Known } from '../known.ts';

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * A date of a licence file as `YYYY-MM-DD`; null: never (`permanent`, and the year 0 however it is written).
 * A year of two digits is of this century below 70.
 */
export function flexnetDate(text: string | undefined): Known<string | null> {
  const unreadable = { known: false, why: 'its date cannot be read' } as const;
  if (text === undefined) return unreadable;
  if (/^permanent$/i.test(text)) return { known: true, value: null };
  const [, day = '', name = '', digits = ''] = /^(\d{1,2})-([a-z]{3})-(\d{1,4})$/i.exec(text) ?? [];
  const month = months.indexOf(name.toLowerCase());
  if (month === -1) return unreadable;
  const number = Number(digits);
  if (number === 0) return { known: true, value: null };
  if (digits.length === 3 || digits.length === 1) return unreadable;
  const year = digits.length === 4 ? number : number < 70 ? 2000 + number : 1900 + number;
  const date = new Date(Date.UTC(year, month, Number(day)));
  date.setUTCFullYear(year);
  // 31-feb would be a day in March.
  if (Number.isNaN(date.getTime()) || date.getUTCMonth() !== month || date.getUTCDate() !== Number(day))
    return unreadable;
  return { known: true, value: date.toISOString().slice(0, 10) };
}

/** How many licences: a number, or `uncounted`, which `0` means as well. */
export function flexnetCount(text: string | undefined): number | 'uncounted' | undefined {
  if (text === undefined) return undefined;
  if (/^uncounted$/i.test(text) || /^0+$/.test(text)) return 'uncounted';
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/**
 * Compares two versions as FlexNet does, as decimal numbers: 1.10 equals 1.1. Undefined where one is no
 * number.
 */
export function compareFeatureVersions(one: string, other: string): number | undefined {
  const [first, second] = [decimal(one), decimal(other)];
  if (first === undefined || second === undefined) return undefined;
  const length = Math.max(first.whole.length, second.whole.length);
  const digits = Math.max(first.rest.length, second.rest.length);
  const text = ({ whole, rest }: { whole: string; rest: string }) =>
    whole.padStart(length, '0') + rest.padEnd(digits, '0');
  const [left, right] = [text(first), text(second)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function decimal(text: string): { whole: string; rest: string } | undefined {
  const [, whole, rest = ''] = /^v?(\d{1,40})(?:\.(\d{0,40}))?$/i.exec(text) ?? [];
  return whole === undefined ? undefined : { whole, rest };
}

/** A licence server as a licence names it. */
export interface LicenseServer {
  /** A name or an address, usable as an argument of a program. */
  host: string;
  /** Undefined: none is named, and the default ports are tried. */
  port: number | undefined;
}

/** The ports on which a license manager is looked for where none is named. */
export const defaultServerPorts: readonly number[] = Array.from({ length: 10 }, (_, at) => 27_000 + at);

/** Undefined for what cannot be the name or address of a host. */
export function serverHost(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (isIP(bare) !== 0 && !bare.includes('%')) return bare;
  const isName = text.length <= 253 && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text);
  return isName ? text : undefined;
}

/** Undefined for what is no port. */
export function serverPort(text: string): number | undefined {
  const [, digits] = /^(?:tcp:)?(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits ?? 0);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** `27000@host`, `@host`, or three of them with commas: a triad. Undefined for any other text. */
export function portAtHost(text: string): LicenseServer[] | undefined {
  if (text.length > 800 || !text.includes('@')) return undefined;
  const servers: LicenseServer[] = [];
  for (const part of text.split(',')) {
    const at = part.indexOf('@');
    if (at === -1) return undefined;
    const host = serverHost(part.slice(at + 1));
    const port = at === 0 ? undefined : serverPort(part.slice(0, at));
    if (host === undefined || (at !== 0 && port === undefined)) return undefined;
    servers.push({ host, port });
  }
  return servers.length === 1 || servers.length === 3 ? servers : undefined;
}

/** As `lmutil -c` takes it; without a port it tries the default ones. */
export const asPortAtHost = ({ host, port }: LicenseServer): string =>
  `${port ?? ''}@${isIP(host) === 6 ? `[${host}]` : host}`;
