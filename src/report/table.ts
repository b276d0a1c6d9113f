import { html } from '../ui/html.ts';

/** Beyond this many rows a page helps nobody; the JSON has all of them. */
const mostRows = 1000;

/** A table of text: a caption, headings, and the first cell of a row as its heading. */
export function table({
  caption,
  head,
  rows,
  right = [],
}: {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  right?: readonly number[];
}): string {
  const side = (at: number) => (right.includes(at) ? ' class="number"' : '');
  // A column of words is not squeezed by one of long paths.
  const kind = (text: string, at: number) =>
    text.length <= 12 && side(at) === '' ? ' class="short"' : side(at);
  const headings = head.map((text, at) => `<th scope="col"${side(at)}>${html(text)}</th>`);
  const body = rows.slice(0, mostRows).map((cells) => {
    const [first = '', ...others] = cells;
    const data = others.map((text, at) => `<td${kind(text, at + 1)}>${html(text)}</td>`).join('');
    return `<tr><th scope="row"${first.length > 40 ? ' class="long"' : ''}>${html(first)}</th>${data}</tr>`;
  });
  const left = rows.length - body.length;
  return [
    '<table>',
    `<caption>${html(caption)}</caption>`,
    `<thead><tr>${headings.join('')}</tr></thead>`,
    `<tbody>\n${body.join('\n')}\n</tbody>`,
    '</table>',
    ...(left > 0 ? [`<p class="note">${left} more rows are in the JSON of this report.</p>`] : []),
  ].join('\n');
}
