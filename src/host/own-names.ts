import { hostname } from 'node:os';
import type { Runner } from './runner.ts';

/** A resolver that does not answer is not waited for. */
const timeoutMs = 3000;

/**
 * The names of this host as it knows them itself, those with a domain first: of hostname, and of what its
 * addresses resolve to. Not checked; none where nothing answers.
 */
export async function ownNames(runner: Runner, signal: AbortSignal): Promise<string[]> {
  const asked = await Promise.all(
    (['-f', '-A'] as const).map(async (flag) => {
      const answer = await runner.run(['hostname', flag], { timeoutMs, signal }).catch(() => undefined);
      return answer?.stdout.split(/\s+/) ?? [];
    }),
  );
  signal.throwIfAborted();
  const names = [...asked.flat(), hostname()].map((name) => name.toLowerCase()).filter((name) => name !== '');
  const unique = [...new Set(names)];
  const withDomain = (name: string) => name.includes('.');
  return [...unique.filter(withDomain), ...unique.filter((name) => !withDomain(name))];
}
