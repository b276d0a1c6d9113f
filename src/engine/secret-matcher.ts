/** Where a secret begins in a text, and how long it is there. */
export interface Match {
  index: number;
  length: number;
}

interface MatcherOptions {
  /** By so many first characters a secret is looked up: none may be shorter. */
  keyLength: number;
  /** Whether it counts at this place; default: at every one. */
  fits?: (text: string, match: Match) => boolean;
}

const slots = 2 ** 18;

/**
 * Finds thousands of secrets in megabytes in one pass, whatever is in them. An expression with as many
 * alternatives takes minutes, and from some size on the engine refuses it.
 */
export class SecretMatcher {
  readonly #keyLength: number;
  readonly #fits: (text: string, match: Match) => boolean;
  /** By their first characters, the longest first: a secret that starts with another one is found whole. */
  readonly #byKey: Map<string, string[]>;
  /** Whether a key may be in the map: nearly all places of a text are passed by with this alone. */
  readonly #maybe = new Uint8Array(slots);

  constructor(secrets: Iterable<string>, { keyLength, fits = () => true }: MatcherOptions) {
    this.#keyLength = keyLength;
    this.#fits = fits;
    this.#byKey = Map.groupBy(secrets, (secret) => secret.slice(0, keyLength));
    for (const [key, all] of this.#byKey) {
      all.sort((a, b) => b.length - a.length);
      this.#maybe[this.#slotAt(key, 0)] = 1;
    }
  }

  /** From left to right; none overlaps another one. */
  *in(text: string): Generator<Match> {
    const last = text.length - this.#keyLength;
    for (let index = 0; index <= last; index += 1) {
      if (this.#maybe[this.#slotAt(text, index)] === 0) continue;
      const found = this.#byKey
        .get(text.slice(index, index + this.#keyLength))
        ?.find(
          (secret) => text.startsWith(secret, index) && this.#fits(text, { index, length: secret.length }),
        );
      if (found === undefined) continue;
      yield { index, length: found.length };
      index += found.length - 1;
    }
  }

  replaceAll(text: string, mark: string): string {
    let result = '';
    let done = 0;
    for (const { index, length } of this.in(text)) {
      result += text.slice(done, index) + mark;
      done = index + length;
    }
    return done === 0 ? text : result + text.slice(done);
  }

  #slotAt(text: string, index: number): number {
    let hash = 0;
    const end = index + this.#keyLength;
    for (let at = index; at < end; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
    return (hash ^ (hash >>> 15)) & (slots - 1);
  }
}
