import { limits } from './limits.ts';

/** Why a text is not the JSON that a packer writes. */
class NotStrictJson extends Error {
  override readonly name = 'NotStrictJson';
}

/**
 * Invisible characters, and those that turn, join or hide what is next to them: FORMAT.md lists them, and
 * no reader of a page could tell a text with one from a text without. Ranges by number, since the categories
 * of Unicode grow with its versions.
 */
const unseen = String.raw`\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}`;

/**
 * What no text may have, in JSON.stringify's spelling: it escapes control characters and halves of surrogate
 * pairs; tabs and line ends pass.
 */
const refused = new RegExp(String.raw`(?<!\\)(?:\\\\)*\\[ubf]|[\u007f-\u009f${unseen}]`, 'u');

const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;
const newline = 0x0a;

/**
 * Parses JSON in the one spelling that `JSON.stringify(value, null, indent)` gives it, with spaces and one
 * newline behind it. One comparison refuses duplicate keys (of which parsers take the first or the last),
 * invalid UTF-8, other spellings of numbers and strings, and anything behind the value; fields that nobody
 * knows pass. Control characters, invisible characters and a key `__proto__` are refused as well.
 * Throws {@link NotStrictJson}.
 */
export function strictJson(bytes: Buffer, indent = 0): unknown {
  refuseShape(bytes);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new NotStrictJson('it is not JSON', { cause });
  }
  const text = JSON.stringify(value, null, indent);
  if (text.includes('"__proto__":')) throw new NotStrictJson('it has a key __proto__');
  if (refused.test(text))
    throw new NotStrictJson('it has control characters, or invisible characters, in a text');
  const canonical = Buffer.from(text);
  let end = bytes.length - 1;
  if (bytes[end] !== newline) throw new NotStrictJson('it does not end with a newline');
  while (end > canonical.length && bytes[end - 1] === space) end -= 1;
  if (!bytes.subarray(0, end).equals(canonical))
    throw new NotStrictJson('it is JSON in another spelling than a packer’s, or it has a duplicate key');
  return value;
}

function refuseShape(bytes: Buffer): void {
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) inString = !inString;
    else if (inString) {
      if (byte === backslash) at += 1;
    } else if (byte === 0x2c) members += 1;
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    if (depth > limits.jsonDepth) throw new NotStrictJson(`it is nested deeper than ${limits.jsonDepth}`);
    if (members > limits.jsonMembers)
      throw new NotStrictJson(`it has more than ${limits.jsonMembers} members`);
  }
}

/**
 * Whether a value is a line that may be printed as it is: text without the characters that are refused, and
 * not endless.
 */
export function isLine(value: unknown): value is string {
  return typeof value === 'string' && line.test(value);
}

/** On one line too: without tabs and line ends. */
export const line: RegExp = new RegExp(
  String.raw`^[^\p{Cc}\p{Cs}${unseen}]{1,${limits.lineCharacters}}$`,
  'u',
);
