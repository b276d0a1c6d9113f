import type { Kubectl } from './kubectl.ts';

/** A session as a program in another pod would open it. */
export interface Login {
  /** Of the pod's own network: its socket and its loopback may let in everybody. */
  address: string;
  user: string;
  database: string;
  password: string;
}

export type LoginAnswer =
  | { opened: true }
  | { opened: false; message: string }
  /** Whether it would open is not known. */
  | { opened: undefined; message: string };

/** The password comes by standard input: an argument could be read by others. */
const script =
  'PGPASSWORD=$(cat) && export PGPASSWORD && PGCONNECT_TIMEOUT=5 LC_MESSAGES=C ' +
  'exec psql -X -A -t -q -w -h "$1" -U "$2" -d "$3" -c "SELECT 1"';
/** kubectl sometimes loses the end of a program's output. */
const asks = 3;

/** Opens one session with a password and ends it. Throws when the pod cannot be asked. */
export async function tryLogin(
  kubectl: Kubectl,
  target: { namespace: string; pod: string; container: string },
  { address, user, database, password }: Login,
  signal: AbortSignal,
): Promise<LoginAnswer> {
  for (let count = 1; count <= asks; count += 1) {
    const { exitCode, stderr } = await kubectl.exec(
      target,
      ['sh', '-c', script, 'sh', address, user, database],
      { stdin: password, okCodes: 'any', timeoutMs: 20_000, repeatable: true, signal },
    );
    if (exitCode === 0) return { opened: true };
    const message = reasonIn(stderr);
    if (/password authentication failed/.test(message)) return { opened: false, message };
    if (message !== '') return { opened: undefined, message };
  }
  return { opened: undefined, message: 'it gave no answer' };
}

/** What psql says why; else the last that kubectl says. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('command terminated with exit code'));
  const own = 'psql: error: ';
  return lines.find((line) => line.startsWith(own))?.slice(own.length) ?? lines.at(-1) ?? '';
}
