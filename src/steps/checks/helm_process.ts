import type { RunRecord } from '../../engine/state.ts';
import { bootId } from '../../host/system.ts';
import type { Measurement } from '../../policy/preflight.ts';
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

interface OurHelm {
  pid: number;
  startTime: number;
  bootId: string;
}

/** Helms that a run of ours recorded before it started them. */
function journalled(run: Readonly<RunRecord> | undefined): OurHelm[] {
  const places: unknown[] = [
    run?.pointOfNoReturn?.data.helm,
    ...Object.values(run?.steps ?? {}).map(({ recorded }) => recorded?.helm),
  ];
  return places.filter(
    (place): place is OurHelm => typeof place === 'object' && place !== null && 'pid' in place,
  );
}

export function checkHelmProcess({
  product,
  run,
  listProcesses,
}: Pick<CheckContext, 'product' | 'run' | 'listProcesses'>): Measurement {
  const ours = journalled(run()).filter((helm) => helm.bootId === bootId());
  const foreign = listProcesses()
    .filter(({ argv }) => changesRelease(argv, product))
    .filter(({ pid, startTime }) => !ours.some((helm) => helm.pid === pid && helm.startTime === startTime));
  const [first] = foreign;
  return {
    outcome: first === undefined ? 'ok' : 'fail',
    measured:
      first === undefined
        ? 'none'
        : foreign.map(({ pid, argv }) => `process ${pid}: ${argv.slice(0, 3).join(' ')}`).join(', '),
    limit: 'no Helm that changes this release and is not in our journal',
    ...(first === undefined ? {} : { fix: `wait until it has ended: tail --pid=${first.pid} -f /dev/null` }),
  };
}
