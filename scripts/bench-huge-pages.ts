import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { measure, type Measurement, type Row, type Series } from './bench-measure.ts';

/**
 * What huge pages gain, together with the second start that asks the C library for them: the same program
 * where the host gives huge pages to those who ask, and where it gives none, so that main.ts does not start
 * again for them. In turns, and the host's own setting is put back after each run.
 */

const setting = '/sys/kernel/mm/transparent_hugepage/enabled';
/** They stay when verify or extract-file takes at least this much longer without them. */
const worth = 1.05;

const current = () => /\[(\w+)\]/.exec(readFileSync(setting, 'utf8'))?.[1] ?? '';

async function given(pages: 'madvise' | 'never', argv: readonly string[]): Promise<Measurement> {
  const before = current();
  const putBack = () => writeFileSync(setting, before);
  const stop = () => process.exit(1);
  process.once('exit', putBack).once('SIGINT', stop).once('SIGTERM', stop);
  writeFileSync(setting, pages);
  try {
    return await measure(argv);
  } finally {
    process.off('exit', putBack).off('SIGINT', stop).off('SIGTERM', stop);
    putBack();
  }
}

function whyNot(): string | undefined {
  try {
    accessSync(setting, constants.W_OK);
    return undefined;
  } catch {
    return `no right to change ${setting}`;
  }
}

/** `file`: a payload of 512 MiB or more, `archive`: one in it, `output`: where it is extracted to. */
export function hugePageRows({
  file,
  archive,
  output,
}: {
  file: string;
  archive: string;
  output: string;
}): Row[] {
  const missing = whyNot();
  const commands = { verify: ['verify'], 'extract-file': ['extract-file', archive, output] };
  const fills = {
    warm: 'rm -f "$2"; sync; cat "$1" > /dev/null',
    cold: 'rm -f "$2"; sync; dd if="$1" iflag=nocache count=0 status=none',
  };
  return Object.entries(commands).flatMap(([command, args]) =>
    Object.entries(fills).map(([state, fill]) => ({
      work: `${command}, ${state}`,
      against: 'the same without huge pages',
      budget: `<= 1 / ${worth} x`,
      before: () => measure(['sh', '-ec', fill, 'sh', file, output]),
      ours: () => given('madvise', [file, ...args]),
      reference: () => given('never', [file, ...args]),
      keeps: (ours: Series, reference: Series) => ours.medianMs <= reference.medianMs / worth,
      ...(missing === undefined ? {} : { missing }),
    })),
  );
}
