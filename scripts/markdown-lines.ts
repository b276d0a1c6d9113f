/** Markdown whose source can be read: lines of at most this many columns. */
const width = 110;

/** `text` over lines; code between backticks stays whole. */
function wrapped(text: string, first: string, next: string): string[] {
  const words = text.match(/(?:`[^`]*`|\S)+/g) ?? [];
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of words) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = next;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

export const bullet = (text: string): string[] => wrapped(text, '- ', '  ');

export const paragraph = (text: string): string => wrapped(text, '', '').join('\n');
