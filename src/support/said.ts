import { known } from '../known.ts';
import type { SupportContext } from './collector.ts';

/** What a program of the host prints, or why it does not: no host has all of them. */
export async function said(
  { runner, signal }: Pick<SupportContext, 'runner' | 'signal'>,
  ...argv: [string, ...string[]]
): Promise<string> {
  const asked = await known(runner.run(argv, { timeoutMs: 8000, signal, okCodes: 'any' }));
  if (!asked.known) return `not known: ${asked.why}`;
  const { stdout, stderr, exitCode } = asked.value;
  return exitCode === 0 ? stdout : `${stdout}${stderr}\n${argv[0]} ended with ${exitCode}`;
}
