import { bootId } from '../host/system.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { foreign } from '../foreign.ts';
import type { CheckContext } from './facts.ts';

const program = /^helm([-_]?v?\d+(\.\d+)*)?$/;
const changes = new Set(['install', 'upgrade', 'rollback', 'uninstall', 'delete', 'del', 'un']);

/** Whether a command line is of a Helm that changes this release. */
export function changesRelease(
  argv: readonly string[],
  { release, namespace }: { release: string; namespace: string },
): boolean {
  const [first = '', ...words] = argv;
  if (!program.test(first.slice(first.lastIndexOf('/') + 1))) return false;
  if (!words.some((word) => changes.has(word))) return false;
  return words.some(
    (word, place) =>
      word === release ||
      [`--namespace=${namespace}`, `-n=${namespace}`, `-n${namespace}`].includes(word) ||
      (word === namespace && ['-n', '--namespace'].includes(words[place - 1] ?? '')),
  );
}

export function checkHelmProcess({
  product,
  helmJournal,
  listProcesses,
}: Pick<CheckContext, 'product' | 'helmJournal' | 'listProcesses'>): Measurement {
  const { process: known } = helmJournal();
  const ours = known?.bootId === bootId() ? known : undefined;
  const others = listProcesses()
    .filter(({ argv }) => changesRelease(argv, product))
    .filter(({ pid, startTime }) => ours?.pid !== pid || ours.startTime !== startTime);
  const [first] = others;
  return {
    outcome: first === undefined ? 'ok' : 'fail',
    measured:
      first === undefined
        ? 'none'
        : others.map(({ pid, argv }) => `process ${pid}: ${foreign(argv.slice(0, 3).join(' '))}`).join(', '),
    limit: 'no Helm that changes this release and is not in our journal',
    ...(first === undefined ? {} : { fix: `wait until it has ended: tail --pid=${first.pid} -f /dev/null` }),
  };
}
