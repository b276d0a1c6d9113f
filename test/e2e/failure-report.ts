import type { Finished } from '../lab/process.ts';
import type { TestHost } from './host.ts';

/**
 * What a person needs when a run did not end as the test says: its own words, the run log's tail, pods and
 * events.
 */
export async function explain(host: TestHost, what: string, result?: Finished): Promise<string> {
  const parts = [what];
  if (result !== undefined) {
    parts.push(
      `exit ${result.code ?? result.signal}`,
      `stdout:\n${result.stdout.slice(-6000)}`,
      `stderr:\n${result.stderr.slice(-6000)}`,
    );
  }
  const looks: [string, Promise<{ stdout: string; stderr: string }>][] = [
    ['pods', host.kubectl('get', 'pods', '-n', 'ivaap', '-o', 'wide')],
    [
      'warnings',
      host.kubectl('get', 'events', '-n', 'ivaap', '--field-selector=type=Warning', '-o', eventColumns),
    ],
    [
      'run log',
      host.run(['bash', '-c', 'tail -n 15 "$(ls -t /opt/ivaap/.installer/logs/*.jsonl | head -1)"']),
    ],
  ];
  for (const [title, look] of looks) {
    const { stdout, stderr } = await look.catch((error: Error) => ({ stdout: '', stderr: error.message }));
    parts.push(`${title}:\n${stdout.split('\n').slice(-20).join('\n')}${stderr.slice(-500)}`);
  }
  return parts.join('\n');
}

const eventColumns =
  'custom-columns=OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message,COUNT:.count';
