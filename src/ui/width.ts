/** Marks on the letter before, joiners and other characters that take no column. */
const narrowest = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11FF]$/u;
/** East Asian wide and full-width characters, and emoji, which take two columns. */
const wide =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{17000}-\u{18CFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}]$|^\p{Emoji_Presentation}$/u;

const columnsOf = (character: string) => (narrowest.test(character) ? 0 : wide.test(character) ? 2 : 1);

/** Columns that a line takes on a terminal; it has no control characters. */
export function textWidth(text: string): number {
  // ASCII text, the usual case, is counted at once.
  if (/^[\u0020-\u007E]*$/.test(text)) return text.length;
  return [...text].reduce((sum, character) => sum + columnsOf(character), 0);
}

/** The text in at most so many columns; `~` is the end of one that was cut. */
export function cutToWidth(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let taken = 0;
  let result = '';
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > columns - 1) break;
    result += character;
  }
  return columns === 1 ? result || '~' : `${result}~`;
}

export const padToWidth = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - textWidth(text)));
