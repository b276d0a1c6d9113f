import { describeError, IvaapError } from '../errors.ts';
import { foreignIfUnmarked, mapMarked, unmarked } from '../foreign.ts';
import { type Match, SecretMatcher } from './secret-matcher.ts';

const mark = '[redacted]';
/** Of a secret that may continue in the next piece of a text, this much must have been seen. */
const leastLength = 4;
/** Shorter ones cannot be hidden: they would be everywhere. */
const leastWord = 3;
/** Shorter ones are found as whole words only. */
const leastForm = 6;

/** What may also be a word or number of ours, or of anybody: short, of letters alone, of digits alone. */
const isOrdinary = (secret: string) =>
  secret.length < leastForm || /^(\p{L}{1,12}|[\d.:-]{1,12})$/u.test(secret);

/**
 * Members of our own data that say what it is: they hold no secret, and an answer that lost one of them would
 * be another answer. Whatever equals a secret by chance stays.
 */
const ours = new Set(
  (
    'type at code exitCode step task id check kind status run flow from to ' +
    'unit level stream how log path because signal needs ran skipped'
  ).split(' '),
);
const isPlain = (member: unknown): boolean =>
  Array.isArray(member) ? member.every(isPlain) : typeof member !== 'object';
/** Members that hold text of others, where no marks in them say which part is ours. */
const others = new Set(['output']);
/**
 * A change of a field in a manifest, of which only the path is ours. Numbers and switches there may be
 * secrets as texts are.
 */
const isFieldChange = (value: object): boolean => 'path' in value && ('from' in value || 'to' in value);
/** A line of a longer secret (a licence, a key) is secret by itself from this length on. */
const leastLineLength = 12;

/**
 * Knows the secrets of this process and takes them out of whatever is printed or stored: as they are, escaped
 * as in JSON and URLs, and in base64, also in the middle of other base64. A secret that may be an ordinary
 * word (`ivaap`, `fail`, `2026`) is removed from the text of others alone, and only where it is a whole word:
 * our own paths, ids, commands and times stay.
 */
export class Redactor {
  readonly #forms = new Set<string>();
  readonly #words = new Set<string>();
  #matcher: SecretMatcher | undefined;
  #wordMatcher: SecretMatcher | undefined;

  /** Registers a secret; of a text of several lines each long one too. */
  add(secret: string): void {
    const lines = secret.split(/\r?\n/).map((line) => line.trim());
    const parts = lines.length > 1 ? lines.filter((line) => line.length >= leastLineLength) : [];
    for (const part of [secret, secret.trim(), ...parts]) {
      if (part.length < leastWord) continue;
      const plain = [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part)];
      for (const form of [...plain, ...base64Forms(part)]) {
        (isOrdinary(form) ? this.#words : this.#forms).add(form);
      }
    }
    this.#matcher = undefined;
    this.#wordMatcher = undefined;
  }

  /**
   * Text of others: programs, pods, answers. Line ends stay where they are, also within a secret that was
   * broken over lines.
   */
  text(text: string): string {
    const rest = this.#withoutForms(unmarked(text));
    if (this.#words.size === 0) return rest;
    this.#wordMatcher ??= new SecretMatcher(this.#words, { keyLength: leastWord, fits: isWhole });
    return this.#wordMatcher.replaceAll(rest, mark);
  }

  /**
   * A text that we made: outside what is marked in it as foreign only what cannot be a word of ours is looked
   * for.
   */
  own(text: string): string {
    return mapMarked(
      text,
      (part) => this.#withoutForms(part),
      (part) => this.text(part),
    );
  }

  #withoutForms(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#matcher ??= new SecretMatcher(this.#forms, { keyLength: leastForm });
    return this.#matcher.replaceAll(withoutBroken(text, this.#matcher), mark);
  }

  /** Whether the text ends with the start of a secret, so that what follows decides. */
  mayGoOn(text: string): boolean {
    if (text.length < leastLength) return false;
    const end = text.slice(-leastLength);
    return [...this.#forms].some((form) => {
      for (let at = form.indexOf(end); at !== -1; at = form.indexOf(end, at + 1)) {
        const length = at + leastLength;
        if (length < form.length && text.endsWith(form.slice(0, length))) return true;
      }
      return false;
    });
  }

  /** For a text that comes line by line. */
  lines(): LineFilter {
    return new LineRedactor(this);
  }

  /**
   * A copy of plain data of ours with every string in it redacted, keys included; what says what it is stays
   * as it is.
   */
  value<T>(value: T): T {
    return this.#value(value, (text) => this.own(text)) as T;
  }

  #value(value: unknown, redact: (text: string) => string): unknown {
    if (typeof value === 'string') return redact(value);
    if (Array.isArray(value)) return value.map((member) => this.#value(member, redact));
    if (typeof value !== 'object' || value === null) return value;
    const isChange = isFieldChange(value);
    const copy = Object.entries(value).map(([key, member]: [string, unknown]) => {
      if (isChange && key !== 'path') return [key, this.#foreignValue(member)];
      if (ours.has(key) && isPlain(member)) return [key, this.#value(member, unmarked)];
      const words = others.has(key) ? (text: string) => this.own(foreignIfUnmarked(text)) : redact;
      return [this.own(key), this.#value(member, words)];
    });
    return Object.fromEntries(copy);
  }

  /** A value that is others' throughout, names of members included. */
  #foreignValue(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((member) => this.#foreignValue(member));
    if (typeof value === 'object' && value !== null) {
      const members = Object.entries(value).map(([key, member]) => [
        this.text(key),
        this.#foreignValue(member),
      ]);
      return Object.fromEntries(members);
    }
    const text = String(value);
    const redacted = this.text(text);
    return redacted === text && typeof value !== 'string' ? value : redacted;
  }

  /**
   * A copy of an error and its causes, of which nothing but redacted texts is left. `log` is the path of the
   * run's log, to be printed with it.
   */
  error(error: unknown, log?: string): IvaapError {
    const code = error instanceof IvaapError ? error.code : 'bug';
    const described = this.value(describeError(error));
    const { message, hint, output, facts, wayBack, step, causes, log: known } = described;
    let cause: Error | undefined;
    for (const text of causes.toReversed()) cause = new IvaapError(code, text, { cause });
    return new IvaapError(code, message, {
      cause,
      hint,
      output,
      facts,
      wayBack,
      step,
      log: log ?? known,
    });
  }
}

/** Next to these a word is a part of something else: of a path, a name, a version, a time. */
const endsInPart = /[\p{L}\p{N}_./-]$/u;
const beginsWithPart = /^(?:[\p{L}\p{N}_/-]|[.:][\p{L}\p{N}])/u;
/** Two units of a letter beyond the first plane, and a sign before it. */
const nearby = 3;

function isWhole(text: string, { index, length }: Match): boolean {
  const end = index + length;
  return (
    !endsInPart.test(text.slice(Math.max(0, index - nearby), index)) &&
    !beginsWithPart.test(text.slice(end, end + nearby))
  );
}

const lineBreak = /[ \t]*\r?\n[ \t]*/g;

/** Takes out the secrets that are found only when lines are joined. */
function withoutBroken(text: string, matcher: SecretMatcher): string {
  if (!text.includes('\n')) return text;
  const parts: { at: number; joinedAt: number }[] = [{ at: 0, joinedAt: 0 }];
  let joined = '';
  let from = 0;
  for (const { 0: gap, index } of text.matchAll(lineBreak)) {
    joined += text.slice(from, index);
    from = index + gap.length;
    parts.push({ at: from, joinedAt: joined.length });
  }
  joined += text.slice(from);
  let last = 0;
  // Asked from left to right.
  const place = (offset: number) => {
    while ((parts[last + 1]?.joinedAt ?? Infinity) <= offset) last += 1;
    const { at, joinedAt } = parts[last]!;
    return at + offset - joinedAt;
  };
  let result = '';
  let done = 0;
  for (const { index, length } of matcher.in(joined)) {
    const begin = place(index);
    const end = place(index + length - 1) + 1;
    const breaks = text.slice(begin, end).match(lineBreak);
    if (breaks === null) continue;
    result += text.slice(done, begin) + mark + breaks.map((gap) => gap + mark).join('');
    done = end;
  }
  return result + text.slice(done);
}

/** Gives the lines that are ready, which may be fewer or more than it took. */
export interface LineFilter {
  push(line: string): string[];
  /** What is not yet released. */
  end(): string[];
}

const mostHeld = 65_536;

/**
 * Redacts line by line what may break a secret over lines: a line that ends with the start of a secret is
 * held back until the next one has come.
 */
class LineRedactor implements LineFilter {
  readonly #redactor: Redactor;
  #held: string[] = [];
  /** The end of what was given out already, as it was. */
  #before = '';

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  push(line: string): string[] {
    this.#held.push(line);
    const joined = this.#joined();
    return joined.length < mostHeld && this.#redactor.mayGoOn(joined) ? [] : this.end();
  }

  end(): string[] {
    if (this.#held.length === 0) return [];
    const lines = this.#redactor.text([this.#before, ...this.#held].join('\n')).split('\n');
    this.#before = this.#joined().slice(-leastLength);
    this.#held = [];
    return lines.slice(1);
  }

  #joined(): string {
    return this.#before + this.#held.map((line) => line.trim()).join('');
  }
}

/**
 * The base64 of a secret at each of the three places where it may start in a longer text, without what its
 * neighbours change.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const whole = bytes.toString('base64');
  const forms = [whole, whole.replace(/=+$/, '')];
  if (bytes.length < 8) return forms;
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const begin = Math.ceil((shift * 4) / 3);
    const end = Math.floor(((shift + bytes.length) * 4) / 3);
    forms.push(text.slice(begin, end));
  }
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}
