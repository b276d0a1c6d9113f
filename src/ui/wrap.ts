import { padToWidth, textWidth } from './width.ts';

const leastWidth = 20;

/**
 * The text in lines of at most `width` columns, broken between words; a word that is longer than a line is
 * cut, after a sign such as `/` where it has one, unless `isWhole` says that it stays in one piece, on a line
 * of its own. `first` is the width of the first line.
 */
export function wrapWords(
  text: string,
  width: number,
  first = width,
  isWhole: (word: string) => boolean = () => false,
): string[] {
  if (textWidth(text) <= first) return [text];
  const lines: string[] = [];
  const room = () => (lines.length === 0 ? first : width);
  let line = '';
  for (const word of text.split(/ +/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer) <= room()) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (!isWhole(word) && textWidth(line) > room()) {
      const head = fittingHead(line, room());
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** At least one character, even where it does not fit. */
function fittingHead(text: string, room: number): string {
  let head = '';
  for (const character of text) {
    if (head !== '' && textWidth(head + character) > room) break;
    head += character;
  }
  // A name stays readable: a part of it is cut only where its parts are longer than half a line.
  const atSign = /^.*[/,.:=-]/su.exec(head)?.[0] ?? '';
  return textWidth(atSign) * 2 > room ? atSign : head;
}

/** A path is copied from a screen, and a piece of one is another one. */
const isPath = (word: string) => word.startsWith('/');

/** `  kept     /var/backups`: what follows stands in a column. */
const labelled = /^ *\S+(?: \S+)? {2,}(?=\S)/;

/**
 * A line in pieces of at most `columns`; continuation lines are indented by two more, and those of a text
 * behind a label stay in its column. A path that is longer than a line is not cut.
 */
export function wrapLine(line: string, columns: number): string[] {
  const width = Math.max(leastWidth, columns);
  if (textWidth(line) <= width) return [line];
  const label = labelled.exec(line)?.[0] ?? '';
  // A word that does not fit there takes the whole line.
  const room = width - label.length;
  if (
    label !== '' &&
    room >= leastWidth &&
    line
      .slice(label.length)
      .split(' ')
      .every((word) => textWidth(word) <= room)
  ) {
    return wrapWords(line.slice(label.length), room).map(
      (piece, at) => (at === 0 ? label : ' '.repeat(label.length)) + piece,
    );
  }
  const text = line.trimStart();
  const indent = line.length - text.length;
  const hanging = Math.min(indent + 2, Math.floor(width / 2));
  return wrapWords(text, width - hanging, width - indent, isPath).map(
    (piece, at) => ' '.repeat(at === 0 ? indent : hanging) + piece,
  );
}

/** Programs with which the commands of messages begin. */
const programs =
  'sudo|sudoedit|\\$\\{EDITOR:-vi\\}|(?:/\\S+/)?k3s|k3s-killall\\.sh|sh|cd|ls|df|du|rm|mv|mkdir|chmod|chown|' +
  'chattr|umount|namei|fuser|dmesg|findmnt|journalctl|systemctl|timedatectl|repquota';

/** These are words of sentences, too: before a flag or a path they are programs. */
const wordsToo = 'mount|find|kill|cat';

/** Of this program, by a name on PATH. */
const subcommands =
  'install|uninstall|status|report|license-check|backup|restore|support-bundle|repair-state|manifest|' +
  'extract-file|verify|activate';

const typed =
  `(?:${programs})(?: \\S|$)|(?:${wordsToo}) [-/'.]|` +
  `[a-z][\\w-]* (?:${subcommands})(?= -|;|$)|[a-z]\\w*_pgdump \\S`;

/** What follows is typed into a shell, where a line's end would end the command. */
const command = new RegExp(
  `(?:^ *| {2}|[:;] )(?:${typed})| (?:sudo|k3s|sh) \\S|next: \\S|: \\.{0,2}/\\S+ [a-z]`,
);

/** A line of a result; one with a command is left to the terminal, which joins it again when it is copied. */
export const wrapResult = (line: string, columns: number): string[] =>
  command.test(line) ? [line] : wrapLine(line, columns);

const spoken = new RegExp(`(?:^|: )(?:${typed}|\\.{0,2}/\\S)`);

/**
 * A hint in lines: sentences are wrapped; a command that does not fit behind one begins a line of its own,
 * which is left to the terminal.
 */
export function wrapHint(line: string, columns: number): string[] {
  if (textWidth(line) <= columns) return [line];
  const found = spoken.exec(line);
  if (found === null) return command.test(line) ? [line] : wrapLine(line, columns);
  const at = found.index + (found[0].startsWith(': ') ? 2 : 0);
  const before = line.slice(0, at).trimEnd();
  return [...(before === '' ? [] : wrapLine(before, columns)), line.slice(at)];
}

const gap = '  ';

export interface TableOptions {
  /** Maximum width; a table that fits is as narrow as its cells. */
  width?: number;
  /** Numbers of the columns that are right-aligned. */
  right?: readonly number[];
}

/**
 * Rows as aligned columns, a list of lines for each row: in a narrow screen, cells wrap inside their column.
 */
export function tableRows(
  rows: readonly (readonly string[])[],
  { width = Infinity, right = [] }: TableOptions = {},
): string[][] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(0, ...rows.map((row) => textWidth(row[column] ?? ''))),
  );
  const widths = fitted(natural, width - gap.length * (count - 1));
  return rows.map((row) => {
    const cells = widths.map((room, column) => wrapWords(row[column] ?? '', room));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => {
          const room = widths[column] ?? 0;
          const text = lines[line] ?? '';
          return right.includes(column) ? text.padStart(room) : padToWidth(text, room);
        })
        .join(gap)
        .trimEnd(),
    );
  });
}

/** Column widths that fit: narrow columns keep theirs, wide ones share the rest. */
function fitted(natural: readonly number[], room: number): number[] {
  const least = 6;
  let cap = Math.max(...natural, least);
  const total = () => natural.reduce((sum, width) => sum + Math.min(width, cap), 0);
  while (cap > least && total() > room) cap -= 1;
  // The remainder goes to the last of the wide columns.
  const spare = Number.isFinite(room) ? Math.max(0, room - total()) : 0;
  const last = natural.findLastIndex((width) => width > cap);
  return natural.map((width, column) => Math.min(width, cap + (column === last ? spare : 0)));
}
