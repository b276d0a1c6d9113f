import { IvaapError } from '../errors.ts';

/** A program that ended well and said nothing, or only a part: its answer is not known. */
function unknownAnswer(program: string, text: string): IvaapError {
  return new IvaapError(
    'failed',
    text.trim() === ''
      ? `${program} ended without output`
      : `the output of ${program} is cut off or malformed`,
    { hint: 'run the same command again' },
  );
}

/**
 * An answer in JSON that `holds` finds to be of its form. Throws 'failed' for one that is empty, cut off or
 * another.
 */
export function jsonAnswer<T>(program: string, text: string, holds: (value: T) => boolean): T {
  let value: T;
  try {
    value = JSON.parse(text) as T;
  } catch {
    throw unknownAnswer(program, text);
  }
  if (!holds(value)) throw unknownAnswer(program, text);
  return value;
}

/**
 * An answer of complete lines, the first of which `begins`. Throws 'failed' for one that is empty or cut off.
 */
export function linesAnswer(program: string, text: string, begins: RegExp): string {
  if (!text.endsWith('\n') || !begins.test(text)) throw unknownAnswer(program, text);
  return text;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
