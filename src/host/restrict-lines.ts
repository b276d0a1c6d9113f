/**
 * pg_dump 15.14 and later puts the text of a dump between `\restrict KEY` and `\unrestrict KEY`: psql runs no
 * commands of its own there, as `\!` would be. A psql from before that ends with an error at the first line,
 * and a dump by an older pg_dump has neither. So the lines are taken out, and whoever loads the text puts it
 * between such lines of its own where psql knows them.
 */

const newline = 0x0a;
const word = String.raw`\restrict `;
/** More than its first lines take, and more than follows the last row. */
const keptBytes = 4096;

/** The text without its two lines; all else as it came. */
export async function* withoutRestrict(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let key: string | undefined;
  let held = Buffer.alloc(0);
  for await (const piece of text) {
    let rest = piece;
    if (head !== undefined) {
      head = Buffer.concat([head, piece]);
      const found = restrictLine(head);
      if (found === 'unknown' && head.length < keptBytes) continue;
      rest = head;
      if (typeof found === 'object') {
        key = found.key;
        rest = Buffer.concat([head.subarray(0, found.start), head.subarray(found.end)]);
      }
      head = undefined;
    }
    if (key === undefined) {
      yield rest;
      continue;
    }
    held = Buffer.concat([held, rest]);
    if (held.length <= keptBytes) continue;
    yield held.subarray(0, held.length - keptBytes);
    held = Buffer.from(held.subarray(held.length - keptBytes));
  }
  if (head !== undefined) yield head;
  if (key === undefined) return;
  const last = `\n\\unrestrict ${key}\n`;
  const at = held.lastIndexOf(last);
  yield at === -1 ? held : Buffer.concat([held.subarray(0, at + 1), held.subarray(at + last.length)]);
}

/** In the comments at the start of a dump; `unknown` while they have not ended. */
function restrictLine(head: Buffer): { start: number; end: number; key: string } | 'none' | 'unknown' {
  let start = 0;
  for (;;) {
    const end = head.indexOf(newline, start);
    if (end === -1) return 'unknown';
    const line = head.toString('latin1', start, end);
    if (line.startsWith(word)) return { start, end: end + 1, key: line.slice(word.length) };
    if (line !== '' && !line.startsWith('--')) return 'none';
    start = end + 1;
  }
}
