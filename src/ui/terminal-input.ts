import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import { type Takes, TypedKeys } from './typed-keys.ts';

type End = 'interrupted' | 'end of input';

/** What comes within this time was not typed by someone who has read the question. */
const quietMs = 150;
const ctrlC = 0x03;

/**
 * A terminal as the input of one question, which sees only what {@link TypedKeys} lets through. Until
 * {@link quiet} has resolved, whatever comes is dropped: it was typed before the question was there.
 */
export class TerminalInput extends PassThrough {
  readonly isTTY = true;
  readonly #terminal: ReadStream;
  readonly #keys: TypedKeys;
  readonly #onEnd: (how: End) => void;
  #isDropping = true;
  #dropped = 0;

  constructor(terminal: ReadStream, takes: Takes, onEnd: (how: End) => void) {
    super();
    this.#terminal = terminal;
    this.#keys = new TypedKeys(takes);
    this.#onEnd = onEnd;
    // First of all: in raw mode the kernel also gives away the lines and parts of one that it holds.
    this.setRawMode(true);
    terminal.on('data', this.#onData);
    terminal.on('end', this.#onGone);
    terminal.on('error', this.#onGone);
    terminal.resume();
  }

  /** Waits until nothing comes any more; keys count from then on. */
  async quiet(signal: AbortSignal): Promise<void> {
    for (let before = -1; before !== this.#dropped;) {
      before = this.#dropped;
      await sleep(quietMs, undefined, { signal });
      // After a busy turn the timer is early: what waits in the kernel is read before the next one.
      await nextTurn();
    }
    this.#isDropping = false;
  }

  /** As of a terminal; readline calls it. */
  setRawMode(on: boolean): this {
    if (this.#terminal.readable) this.#terminal.setRawMode(on);
    return this;
  }

  /** Gives the terminal back. */
  close(): void {
    this.#terminal.off('data', this.#onData);
    this.#terminal.off('end', this.#onGone);
    this.#terminal.off('error', this.#onGone);
    this.#terminal.pause();
    this.setRawMode(false);
    this.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    // Also while all is dropped: a paste that began before the question ends behind it.
    const { keys, ended } = this.#keys.push(piece);
    if (this.#isDropping) {
      this.#dropped += 1;
      if (piece.includes(ctrlC)) this.#onEnd('interrupted');
      return;
    }
    if (keys !== '') this.write(keys);
    if (ended !== undefined) this.#onEnd(ended);
  };

  /** A terminal that hung up reads as an end or as an error. */
  readonly #onGone = (): void => this.#onEnd('end of input');
}
