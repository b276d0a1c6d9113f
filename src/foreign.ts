/**
 * Text of others within a text of ours: a value in the cluster, the output of a program, a pod or the API
 * server. It is between two marks until the text is printed, so that a secret in it is redacted however
 * ordinary it looks, and our own text stays. Unicode keeps both characters for a program's own use: no text
 * that is exchanged holds them.
 */
const start = '\uFDD0';
const end = '\uFDD1';
const marks = /[\uFDD0\uFDD1]/g;

/** The text as it is read by people and programs. */
export const unmarked = (text: string): string => text.replaceAll(marks, '');

/**
 * Marks a complete text as text of others. Cut it before: a text without its end is foreign to the end of
 * what it stands in.
 */
export const foreign = (text: string): string => (text === '' ? '' : start + unmarked(text) + end);

/** A text that is others' throughout, unless marks in it say which part is. */
export const foreignIfUnmarked = (text: string): string => (text.includes(start) ? text : foreign(text));

/** The text without marks, each part as the one or the other function gives it. */
export function mapMarked(
  text: string,
  ofOurs: (part: string) => string,
  ofOthers: (part: string) => string,
): string {
  const [first = '', ...rest] = text.split(start);
  const parts = rest.map((piece) => {
    const at = piece.indexOf(end);
    const [others, ours] = at === -1 ? [piece, ''] : [piece.slice(0, at), piece.slice(at + 1)];
    return ofOthers(unmarked(others)) + ofOurs(unmarked(ours));
  });
  return ofOurs(unmarked(first)) + parts.join('');
}
