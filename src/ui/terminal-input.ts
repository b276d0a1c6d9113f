import { PassThrough } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { type Takes, TypedKeys } from './typed-keys.ts';

/**
 * A terminal as the input of one question, which sees only what {@link TypedKeys} lets through. Whatever was
 * typed before is dropped.
 */
export class TerminalInput extends PassThrough {
  readonly isTTY = true;
  readonly #terminal: ReadStream;
  readonly #keys: TypedKeys;
  readonly #onEnd: (how: 'interrupted' | 'end of input') => void;

  constructor(terminal: ReadStream, takes: Takes, onEnd: (how: 'interrupted' | 'end of input') => void) {
    super();
    this.#terminal = terminal;
    this.#keys = new TypedKeys(takes);
    this.#onEnd = onEnd;
    terminal.on('data', this.#onData);
    terminal.on('end', this.#onGone);
    terminal.on('error', this.#onGone);
    terminal.resume();
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
    this.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    const { keys, ended } = this.#keys.push(piece);
    if (keys !== '') this.write(keys);
    if (ended !== undefined) this.#onEnd(ended);
  };

  /** A terminal that hung up reads as an end or as an error. */
  readonly #onGone = (): void => this.#onEnd('end of input');
}
