import { width } from './line-width.ts';

const isOther = (line: string) => line.trim() === '' || /^(#|\s*\||<!--| {4})/.test(line);
const isItem = (line: string) => /^\s*([-*]|\d+\.)\s/.test(line);
const isFence = (line: string) => /^\s*```/.test(line);

/** `text` over lines; code between backticks stays intact. */
function wrapped(text: string, first: string, next: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
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

/**
 * The same Markdown, so that its source can be read: paragraphs and items of lists are on lines no wider than
 * code is. Headings, tables and code stay as they are.
 */
export function wrapMarkdown(markdown: string): string {
  const source = markdown.split('\n');
  const lines: string[] = [];
  let fenced = false;
  for (let at = 0; at < source.length;) {
    const line = source[at] ?? '';
    at += 1;
    if (isFence(line)) fenced = !fenced;
    if (fenced || isFence(line) || isOther(line)) {
      lines.push(line);
      continue;
    }
    const [, indent = '', mark = '', begin = ''] = /^(\s*)((?:[-*]|\d+\.)\s+)?(.*)$/.exec(line) ?? [];
    const words = [begin];
    for (; at < source.length; at += 1) {
      const next = source[at] ?? '';
      if (isOther(next.trimStart()) || isItem(next) || isFence(next)) break;
      words.push(next.trim());
    }
    lines.push(...wrapped(words.join(' '), indent + mark, indent + ' '.repeat(mark.length)));
  }
  return lines.join('\n');
}
