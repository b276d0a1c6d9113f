/**
 * What a terminal sends, made safe for one question: an answer never reaches the next question, and nothing
 * that was pasted counts as a key.
 */

/** Around pasted text, from terminals that were asked for it. */
const pasteStart = '\u001B[200~';
const pasteEnd = '\u001B[201~';
export const pasteMarks = { on: '\u001B[?2004h', off: '\u001B[?2004l' } as const;

/** Stands for what cannot be part of an answer: shown, and refused when the answer is checked. */
export const unreadable = '\uFFFD';

const interrupt = '\u0003';
const endOfInput = '\u0004';
/** Escape sequences, whole or cut off. */
const sequences = /\u001B(?:\[[0-?]*[ -/]*[@-~]?|O.?|.)?/gu;
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Keys that edit a line: rubout, Ctrl-A, B, E, F, K, U and W, arrows, Home, End and Delete. */
const editing =
  /([\b\u007F\u0001\u0002\u0005\u0006\u000B\u0015\u0017]|\u001B(?:\[[CDHF]|O[CDHF]|\[[13478]~))/;

/** Text with everything that a terminal would not show as a character replaced. */
const asText = (text: string): string =>
  text.replaceAll(sequences, unreadable).replaceAll(hidden, unreadable);

interface Keys {
  /** Keys and text for the question. */
  keys: string;
  /** Ctrl-C, or the end of input, wherever it came. */
  ended?: 'interrupted' | 'end of input';
}

/** Whether a question takes text, or only keys that move and choose. */
export type Takes = 'text' | 'keys';

/**
 * Reads what a terminal sends, piece by piece. Ctrl-C and Ctrl-D end the question; text behind an Enter in
 * the same piece was typed before the next question was there, or pasted, and is dropped.
 */
export class TypedKeys {
  readonly #takes: Takes;
  readonly #decoder = new TextDecoder();
  #pasted: string | undefined;
  #kept = '';

  constructor(takes: Takes) {
    this.#takes = takes;
  }

  push(piece: Uint8Array): Keys {
    let text = this.#kept + this.#decoder.decode(piece, { stream: true });
    this.#kept = '';
    let keys = '';
    while (text !== '') {
      if (this.#pasted !== undefined) {
        // A terminal that never says where its paste ends must not take Ctrl-C away.
        if (text === interrupt) return { keys, ended: 'interrupted' };
        const whole = this.#pasted + text;
        const end = whole.indexOf(pasteEnd);
        if (end === -1) {
          this.#pasted = whole;
          return { keys };
        }
        this.#pasted = undefined;
        text = whole.slice(end + pasteEnd.length);
        if (this.#takes === 'text') keys += asText(whole.slice(0, end).replace(/[\r\n]+$/, ''));
        continue;
      }
      const at = text.indexOf(pasteStart);
      const typed = at === -1 ? this.#keepPart(text) : text.slice(0, at);
      const read = this.#typed(typed);
      keys += read.keys;
      if (read.ended !== undefined || read.keys.endsWith('\r')) return { ...read, keys };
      if (at === -1) break;
      this.#pasted = '';
      text = text.slice(at + pasteStart.length);
    }
    return { keys };
  }

  /** The beginning of a mark at the end of a piece waits for the next one. */
  #keepPart(text: string): string {
    for (let length = pasteStart.length - 1; length > 2; length -= 1) {
      const part = pasteStart.slice(0, length);
      if (!text.endsWith(part)) continue;
      this.#kept = part;
      return text.slice(0, -length);
    }
    return text;
  }

  #typed(typed: string): Keys {
    const enter = typed.search(/[\r\n]/);
    const line = enter === -1 ? typed : typed.slice(0, enter);
    const end = enter === -1 ? '' : '\r';
    if (line.includes(interrupt)) return { keys: '', ended: 'interrupted' };
    if (line.includes(endOfInput)) return { keys: '', ended: 'end of input' };
    const written = line.replaceAll(sequences, '').replaceAll(hidden, '');
    if (this.#takes === 'keys') return { keys: written.trim() === '' ? line + end : '' };
    // One key, or several that a slow line brought together; with text among them it is a paste.
    if (written === '') return { keys: line + end };
    // Whatever the keyboard or a slow line sent in one piece, a key that edits stays one.
    return {
      keys:
        line
          .split(editing)
          .map((part, at) => (at % 2 === 1 ? part : asText(part)))
          .join('') + end,
    };
  }
}
