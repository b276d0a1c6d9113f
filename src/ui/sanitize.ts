import { unmarked } from '../foreign.ts';

/** Complete escape sequences (CSI, OSC and other strings, two-byte ones): no part of one is left as text. */
const escapes =
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)?|\u001B[ -/]*[0-~]?/g;
/** Control and invisible characters: marks that reorder, join or hide text, halves of surrogate pairs. */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Foreign text made safe for a terminal. Line ends stay; text that a carriage return would hide is shown. */
export function printable(text: string): string {
  return unmarked(text)
    .replaceAll('\r\n', '\n')
    .replaceAll('\r', '\n')
    .replaceAll('\t', '  ')
    .replaceAll(escapes, '')
    .replaceAll(unprintable, (one) => (one === '\n' ? one : ''));
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
}

/** The same for a line of a table: its indent stays. */
export function printableRow(text: string): string {
  return text.slice(0, text.search(/\S|$/)) + printableLine(text);
}
