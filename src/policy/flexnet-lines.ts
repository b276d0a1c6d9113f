/** A line of a FlexNet licence file with its continuations, in words. */
export interface LogicalLine {
  /** Number of its first line in the file. */
  line: number;
  /** Without quotes: `SIGN="A B"` is the one word `SIGN=A B`. */
  words: string[];
  /** Why it may lack something: its continuation is the end of the file, or a quote was never closed. */
  damage: 'the file ends in it' | 'a quote is not closed' | undefined;
}

const isBlank = (character: string | undefined) =>
  character === ' ' ||
  character === '\t' ||
  character === '\v' ||
  character === '\f' ||
  character === '\u00A0';

/** Index behind the last character that is no blank. */
function endOf(text: string): number {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end -= 1;
  return end;
}

function firstOf(text: string): number {
  let at = 0;
  while (isBlank(text[at])) at += 1;
  return at;
}

/** What was read of a logical line so far. */
class Words {
  readonly list: string[] = [];
  quoted = false;
  #word: string | undefined;

  /** Adds one line of the file, up to a comment in it. */
  add(text: string, end: number): void {
    let from = 0;
    const take = (at: number) => {
      if (at > from) this.#word = (this.#word ?? '') + text.slice(from, at);
    };
    for (let at = 0; at < end; at += 1) {
      const character = text[at];
      if (character === '"') {
        take(at);
        this.#word ??= '';
        from = at + 1;
        this.quoted = !this.quoted;
      } else if (!this.quoted && isBlank(character)) {
        take(at);
        this.close();
        from = at + 1;
      } else if (!this.quoted && character === '#' && this.#word === undefined && at === from) {
        return;
      }
    }
    take(end);
  }

  /** Ends the current word. */
  close(): void {
    if (this.#word !== undefined) this.list.push(this.#word);
    this.#word = undefined;
  }
}

/**
 * The lines of a licence file, comments and empty ones left out, continuations joined: `\` at the end of a
 * line, also with blanks behind it. Line ends of all systems count. Never throws; in linear time.
 */
export function logicalLines(text: string): LogicalLine[] {
  const lines = text.split(/\r\n|\n|\r/);
  const found: LogicalLine[] = [];
  let open: { line: number; words: Words } | undefined;
  const close = (damage?: LogicalLine['damage']) => {
    if (open === undefined) return;
    const { line, words } = open;
    words.close();
    open = undefined;
    const why = damage ?? (words.quoted ? 'a quote is not closed' : undefined);
    if (words.list.length > 0) found.push({ line, words: words.list, damage: why });
  };
  lines.forEach((text, position) => {
    // A comment has no continuation: in one that ends with a Windows path it would hide the next line.
    if (text[firstOf(text)] === '#' && open?.words.quoted !== true) return;
    const end = endOf(text);
    const continues = end > 0 && text[end - 1] === '\\';
    open ??= { line: position + 1, words: new Words() };
    open.words.add(text, continues ? end - 1 : end);
    if (!open.words.quoted || !continues) open.words.close();
    if (!continues) close();
  });
  close('the file ends in it');
  return found;
}
