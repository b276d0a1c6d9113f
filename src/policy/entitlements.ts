import { IvaapError } from '../errors.ts';
import { isNestedTooDeep, mostLevels } from '../nesting.ts';
import { shellWord } from '../shell-word.ts';

/** What of a licence file matters to the installer. */
export interface License {
  entitlements: string[];
  /** ISO date or time; undefined means that it does not expire. */
  expires: string | undefined;
}

/**
 * Checks a licence file's text (JSON with `entitlements`). Throws IvaapError `usage`; the message holds
 * nothing of the text.
 */
export function parseLicense(text: string, path: string): License {
  if (text.startsWith('\ufeff')) {
    const why = 'starts with a byte order mark, as Windows editors write it; JSON has none';
    throw new IvaapError('usage', `the licence file ${path} ${why}`, {
      hint: `remove only the mark: sed -i '1s/^\\xef\\xbb\\xbf//' ${shellWord(path)}`,
    });
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    // Both halves of UTF-16 are no UTF-8, or zeros between letters.
    const wide = text.includes('\0') || text.startsWith('\ufffd');
    const why =
      text.trim() === ''
        ? 'is empty'
        : wide
          ? 'is not UTF-8 text (UTF-16, or not text at all)'
          : 'is not JSON';
    throw new IvaapError('usage', `the licence file ${path} ${why}`, {
      hint: `file ${shellWord(path)}`,
    });
  }
  if (isNestedTooDeep(raw))
    throw new IvaapError('usage', `the licence file ${path} is nested deeper than ${mostLevels} levels`, {
      hint: `head -c 300 ${shellWord(path)}`,
    });
  const { entitlements, expires } = (typeof raw === 'object' && raw !== null ? raw : {}) as {
    entitlements?: unknown;
    expires?: unknown;
  };
  if (!Array.isArray(entitlements) || !entitlements.every((name) => typeof name === 'string')) {
    throw new IvaapError('usage', `the licence file ${path} has no list of entitlements`);
  }
  if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires)))) {
    throw new IvaapError('usage', `the licence file ${path} has an expiry date that is not a date`);
  }
  return { entitlements, expires };
}

/**
 * A licence counts until the end of its last day (UTC) when it names a day, until the instant when it names
 * one.
 */
export function isExpired({ expires }: License, now: Date): boolean {
  if (expires === undefined) return false;
  const dayOnly = /^\d{4}-\d{2}-\d{2}$/.test(expires);
  return now.getTime() >= Date.parse(expires) + (dayOnly ? 86_400_000 : 0);
}
