import { TerminalInput } from './terminal-input.ts';
import { pasteMarks, type Takes } from './typed-keys.ts';

const { stdin, stderr, env } = process;

export interface Asking {
  takes: Takes;
  signal: AbortSignal;
  /** What a Ctrl-C or the end of input at the question is. */
  endError: (how: 'interrupted' | 'end of input') => Error;
  /** Shown before `ask` shows the rest. */
  shown?: string;
}

/**
 * The way to every question on the terminal: `ask` reads its answer from an input which has only what was
 * typed after the question was there. Throws the reason of the signal that `ask` gets.
 */
export async function askTerminal<Answer>(
  { takes, signal, endError, shown = '' }: Asking,
  ask: (input: TerminalInput, stop: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  sayNoSizeAsUsual();
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  // What a question does not hear of a terminal that is gone must not end the process.
  if (!stdin.listeners('error').includes(ignored)) stdin.on('error', ignored);
  const input = new TerminalInput(stdin, takes, (how) => ended.abort(endError(how)));
  const marks = env['TERM'] === 'dumb' ? { on: '', off: '' } : pasteMarks;
  stderr.write(marks.on + shown);
  try {
    await input.quiet(stop);
    return await ask(input, stop);
  } catch (error) {
    stop.throwIfAborted();
    throw error;
  } finally {
    stderr.write(marks.off);
    input.close();
  }
}

/** A serial line says 0 columns and 0 rows, and what is shown would be cut after each letter. */
function sayNoSizeAsUsual(): void {
  stderr.columns ||= 80;
  stderr.rows ||= 24;
}

const ignored = () => {};
