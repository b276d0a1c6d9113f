import { foreign } from '../foreign.ts';
import { bootId } from '../host/system.ts';
import type { Check } from './check.ts';

export const helmProcess: Check = {
  id: 'helm-process',
  kind: 'guard',
  title: 'No other Helm process on the release',
  limit: 'no Helm process changes this release, except one in our journal',
  why: 'two Helm processes on one release overwrite each other’s result',
  fix: 'wait for it to end (pgrep -a helm)',
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure({ product, helmJournal, listProcesses }) {
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
          : others
              .map(({ pid, argv }) => `process ${pid}: ${foreign(argv.slice(0, 3).join(' '))}`)
              .join(', '),
      fix: first && `wait until it has ended: tail --pid=${first.pid} -f /dev/null`,
    };
  },
};

const program = /^helm([-_]?v?\d+(\.\d+)*)?$/;
const changes = new Set(['install', 'upgrade', 'rollback', 'uninstall', 'delete', 'del', 'un']);

/** Whether a command line is that of a Helm that changes this release. */
export function changesRelease(
  argv: readonly string[],
  { release, namespace }: { release: string; namespace: string },
): boolean {
  const [first = '', ...args] = argv;
  if (!program.test(first.slice(first.lastIndexOf('/') + 1))) return false;
  if (!args.some((arg) => changes.has(arg))) return false;
  return args.some(
    (arg, place) =>
      arg === release ||
      [`--namespace=${namespace}`, `-n=${namespace}`, `-n${namespace}`].includes(arg) ||
      (arg === namespace && ['-n', '--namespace'].includes(args[place - 1] ?? '')),
  );
}
