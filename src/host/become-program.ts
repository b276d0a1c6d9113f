/**
 * This process becomes another program: same process id, terminal and descriptors. Its exit code and every
 * signal are that program's own, and nothing of ours is between them. Never returns; the program exists and
 * can be executed.
 */
export function becomeProgram(
  path: string,
  argv: readonly string[],
  { env, umask }: { env: Readonly<Record<string, string | undefined>>; umask: number },
): never {
  process.umask(umask);
  process.execve?.(path, [...argv], env as NodeJS.ProcessEnv);
  throw new Error(`${path} could not be started`);
}
