import { describeError, IvaapError } from '../errors.ts';

const mark = '[redacted]';
/** Shorter texts would take pieces out of ordinary words. */
const leastLength = 4;
/** A line of a longer secret (a licence, a key) is secret by itself from this length on. */
const leastLineLength = 12;

/**
 * Knows the secrets of this process and takes them out of whatever is printed or stored: as they are, escaped as in JSON and URLs,
 * and in base64, also in the middle of other base64.
 */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  /** Registers a secret; of a text of several lines each long one too. */
  add(secret: string): void {
    const lines = secret.split(/\r?\n/).map((line) => line.trim());
    const parts = lines.length > 1 ? lines.filter((line) => line.length >= leastLineLength) : [];
    for (const part of [secret, secret.trim(), ...parts]) {
      if (part.length < leastLength) continue;
      for (const form of [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part)]) {
        this.#forms.add(form);
      }
      for (const form of base64Forms(part)) this.#forms.add(form);
    }
    this.#pattern = undefined;
  }

  text(text: string): string {
    if (this.#forms.size === 0) return text;
    // The longest first: a secret that begins with another one is taken out whole.
    this.#pattern ??= new RegExp(
      [...this.#forms]
        .sort((a, b) => b.length - a.length)
        .map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
        .join('|'),
      'g',
    );
    return text.replaceAll(this.#pattern, mark);
  }

  /** A copy of plain data with every string in it redacted, keys included. */
  value<T>(value: T): T {
    if (this.#forms.size === 0) return value;
    if (typeof value === 'string') return this.text(value) as T;
    if (Array.isArray(value)) return value.map((member: unknown) => this.value(member)) as T;
    if (typeof value !== 'object' || value === null) return value;
    const copy = Object.entries(value).map(([key, member]) => [this.text(key), this.value(member)]);
    return Object.fromEntries(copy) as T;
  }

  /** A copy of an error and its causes, of which nothing but redacted texts is left. `log` is the path of the run's log, to be printed with it. */
  error(error: unknown, log?: string): IvaapError {
    if (this.#forms.size === 0 && error instanceof IvaapError && log === undefined) return error;
    const code = error instanceof IvaapError ? error.code : 'bug';
    const { message, hint, output, step, causes, log: known } = this.value(describeError(error));
    let cause: Error | undefined;
    for (const text of causes.toReversed()) cause = new Error(text, cause === undefined ? {} : { cause });
    return new IvaapError(code, message, {
      ...(cause === undefined ? {} : { cause }),
      ...(hint === undefined ? {} : { hint }),
      ...(output === undefined ? {} : { output }),
      ...(step === undefined ? {} : { step }),
      ...((log ?? known) === undefined ? {} : { log: log ?? known ?? '' }),
    });
  }
}

/** The base64 of a secret at each of the three places where it may begin in a longer text, without what its neighbours change. */
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
