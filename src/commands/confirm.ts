import { createInterface } from 'node:readline/promises';

/** Asks a question that only `y` or `yes` answers with yes; undefined where there is no terminal to ask on. */
export function terminalConfirm(signal: AbortSignal): ((question: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await reader.question(`${question} [y/N] `, { signal });
      return /^y(es)?$/i.test(answer.trim());
    } catch (error) {
      // The reason of an abort is the error to end with; an end of input is a no.
      signal.throwIfAborted();
      if (error instanceof Error && error.name === 'AbortError') return false;
      throw error;
    } finally {
      reader.close();
    }
  };
}
