import { Terminal } from '../fixtures/terminal.ts';
import { labSpawn } from '../lab/host.ts';
import { operatorEnvironment, type TestHost } from './host.ts';

/** A root shell that finds /usr/local/bin. */
export const pathEnvironment = {
  ...operatorEnvironment,
  PATH: `/usr/local/bin:${operatorEnvironment.PATH}`,
};

interface Typing {
  /** Where the shell stands. */
  folder: string;
  columns?: number;
}

/** A line that a person types at a terminal of the host; what is asked then is answered by the caller. */
export function typeAtTerminal(host: TestHost, line: string, { folder, columns = 80 }: Typing): Terminal {
  const { child } = labSpawn(host.name, ['bash', '-c', line], {
    cwd: folder,
    env: pathEnvironment,
    tty: { columns },
  });
  return new Terminal(child);
}
