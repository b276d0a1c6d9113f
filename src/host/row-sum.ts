/**
 * A checksum over rows that does not depend on their order: of each row 64 bits, added up. It is made for
 * accidents, not against a forger. Each word of a row changes both halves of its 64 bits for good, so a row
 * that was changed in one place never goes unseen; many changes at once cancel out once in 2^64.
 */
export class RowSum {
  #low = 0;
  #high = 0;
  /** Of the row that has not ended yet. */
  #a = seedA;
  #b = seedB;
  /** Bytes of it; those behind the last whole word are kept in `#word`. */
  #length = 0;
  #word = 0;

  /** More bytes of the row. */
  add(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    let a = this.#a;
    let b = this.#b;
    let word = this.#word;
    let held = this.#length & 3;
    this.#length += end - start;
    while (held !== 0 && at < end) {
      word |= bytes[at++]! << (held << 3);
      held = (held + 1) & 3;
      if (held === 0) {
        a = mixA(a, word);
        b = mixB(b, word);
        word = 0;
      }
    }
    for (const whole = end - 3; at < whole; at += 4) {
      const next = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      a = mixA(a, next);
      b = mixB(b, next);
    }
    while (at < end) {
      word |= bytes[at++]! << (held << 3);
      held += 1;
    }
    this.#a = a;
    this.#b = b;
    this.#word = word;
  }

  /** The row is whole. */
  end(): void {
    let a = mixA(mixA(this.#a, this.#word), this.#length);
    let b = mixB(mixB(this.#b, this.#word), this.#length);
    a = spread(a);
    b = spread(b);
    this.#low = (this.#low + a) >>> 0;
    this.#high = (this.#high + b) >>> 0;
    this.#a = seedA;
    this.#b = seedB;
    this.#length = 0;
    this.#word = 0;
  }

  /** 16 hex digits. */
  get text(): string {
    return [this.#high, this.#low].map((half) => half.toString(16).padStart(8, '0')).join('');
  }
}

// The constants are those of MurmurHash3: each step can be undone, so that none loses a difference.
const seedA = 0x9747b28c | 0;
const seedB = 0x3c6ef372 | 0;

function mixA(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const mixed = state ^ k;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function mixB(state: number, word: number): number {
  const mixed = Math.imul(state ^ word, 0x85ebca6b);
  return Math.imul((mixed << 16) | (mixed >>> 16), 0xc2b2ae35) | 0;
}

function spread(state: number): number {
  let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
