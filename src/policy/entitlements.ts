import { IvaapError } from '../errors.ts';
import { isNestedTooDeep, mostLevels } from '../nesting.ts';
import { shellWord } from '../shell-word.ts';
import { type Flexnet, linesOf, parseFlexnet } from './flexnet.ts';
import { type LicenseServer, portAtHost } from './flexnet-values.ts';

/** What of a licence matters to the installer, as plain data. */
export interface License {
  format: 'json' | 'flexnet';
  /** What it names, valid or not: the product's own names, and in JSON also others. */
  entitlements: string[];
  /** Of JSON: ISO date or time; undefined means that it does not expire. */
  expires: string | undefined;
  /** What a FlexNet licence says, line by line. */
  flexnet: Flexnet | undefined;
}

/** Of the product's data: which feature of a FlexNet licence an entitlement is. */
export type FeatureNames = Readonly<
  Record<string, { feature?: string | undefined; leastVersion?: string | undefined }>
>;

/** A FlexNet licence's name for an entitlement. */
export const featureOf = (entitlements: FeatureNames, name: string): string =>
  entitlements[name]?.feature ?? name;

/**
 * A licence as text. Its bytes are UTF-8 or, in comments and notices, of an older set of characters, where
 * each is one character.
 */
export function licenseText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/**
 * Reads a licence's text: FlexNet's lines, or JSON with `entitlements`. Throws IvaapError `usage`; the
 * message holds nothing of the text.
 */
export function parseLicense(text: string, path: string, names: FeatureNames = {}): License {
  const refuse = (why: string, hint?: string) =>
    new IvaapError('usage', `the licence file ${path} ${why}`, { hint });
  const look = `file ${shellWord(path)}`;
  if (text.trim() === '') throw refuse('is empty', look);
  // Both halves of UTF-16 are no UTF-8, or zeros between letters.
  if (text.includes('\0') || /^(\ufffd|\u00ff\u00fe|\u00fe\u00ff)/.test(text))
    throw refuse('is not UTF-8 text (UTF-16, or not text at all)', look);
  const isJson = /^\ufeff?\s*[[{"]/.test(text) || isJsonText(text);
  const flexnet = isJson ? undefined : parseFlexnet(text);
  if (flexnet !== undefined) {
    const entitlements = Object.keys(names).filter(
      (name) => linesOf(flexnet, featureOf(names, name)).length > 0,
    );
    return { format: 'flexnet', entitlements, expires: undefined, flexnet };
  }
  if (text.startsWith('\ufeff')) {
    throw refuse(
      'starts with a byte order mark, as Windows editors write it; JSON has none',
      `remove only the mark: sed -i '1s/^\\xef\\xbb\\xbf//' ${shellWord(path)}`,
    );
  }
  return { format: 'json', ...jsonLicense(text, path, refuse), flexnet: undefined };
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonLicense(
  text: string,
  path: string,
  refuse: (why: string, hint?: string) => IvaapError,
): Pick<License, 'entitlements' | 'expires'> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw refuse('is not JSON, and has no line of a FlexNet licence', `file ${shellWord(path)}`);
  }
  const look = `head -c 300 ${shellWord(path)}`;
  if (isNestedTooDeep(raw)) throw refuse(`is nested deeper than ${mostLevels} levels`, look);
  const { entitlements, expires } = (typeof raw === 'object' && raw !== null ? raw : {}) as {
    entitlements?: unknown;
    expires?: unknown;
  };
  if (!Array.isArray(entitlements) || !entitlements.every((name) => typeof name === 'string'))
    throw refuse('has no list of entitlements', look);
  if (expires !== undefined && (typeof expires !== 'string' || !isDate(expires)))
    throw refuse('has an expiry date that is not a date', look);
  return { entitlements, expires };
}

/** A licence that is only where its server is: `27000@host`. Undefined for any other text. */
export function serverLicense(text: string): License | undefined {
  const servers: LicenseServer[] | undefined = portAtHost(text);
  if (servers === undefined) return undefined;
  return { format: 'flexnet', entitlements: [], expires: undefined, flexnet: parseFlexnet(text) };
}

const dayMs = 86_400_000;

/** JavaScript takes the 31st of February for a day in March. */
const isDate = (text: string): boolean => {
  if (Number.isNaN(Date.parse(text))) return false;
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? [];
  return day === undefined || new Date(Date.parse(day)).toISOString().startsWith(day);
};

/** When it ends: a day counts until it is over (UTC), an instant until then. */
export const endOf = (expires: string): number =>
  Date.parse(expires) + (/^\d{4}-\d{2}-\d{2}$/.test(expires) ? dayMs : 0);

/** Of a licence in JSON: that it has expired altogether. */
export const isExpired = ({ expires }: { expires: string | undefined }, now: Date): boolean =>
  expires !== undefined && now.getTime() >= endOf(expires);
