import { compareArchives } from '../images/compare-archives.ts';
import { openPayload } from '../payload/reader.ts';
import { byteTask } from './byte-task.ts';
import type { Command, Invocation } from './command.ts';
import { containerdStates } from './manifest-containerd.ts';
import { manifestReport } from './manifest-report.ts';
import { manifestText } from './manifest-text.ts';

async function run({ options, json, program, signal }: Invocation): Promise<void> {
  const deep = options['deep'] === true;
  const payload = await openPayload();
  try {
    const [index, product] = await Promise.all([payload.index(), payload.product()]);
    const total = index.archives.reduce((sum, { size }) => sum + size, 0);
    const task = deep ? byteTask('compare', 'reading the archives on disk', total) : undefined;
    let bytes = 0;
    const onBytes = (read: number) => task?.progress((bytes += read));
    const compare = () => compareArchives(index, product.folder, { deep, signal, onBytes });
    const [archives, containerd] = await Promise.all([
      task?.during(compare) ?? compare(),
      containerdStates(index.images, product, signal),
    ]);
    const report = manifestReport(index, { digest: payload.digest, archives, containerd, program });
    process.stdout.write(
      json
        ? `${JSON.stringify(report)}\n`
        : `${manifestText(report, options['summary'] === true).join('\n')}\n`,
    );
  } finally {
    await payload.close();
  }
}

export const manifestCommand: Command = {
  options: [
    { flags: '--summary', summary: 'images and archives only, on few lines' },
    {
      flags: '--deep',
      summary: 'read every byte of the archives on disk, and the images inside foreign ones',
    },
    { flags: '--json', summary: 'everything as one JSON object' },
  ],
  touches:
    'Reads and changes nothing. Compares the payload with the archives below the product folder and with what containerd\n' +
    'holds; containerd is given 2 seconds, and is asked as root only. Without --deep an archive is compared by its size, its\n' +
    'closing checksum and every header inside ("matches"); only --deep says "same".',
  examples: [
    ['manifest --summary', 'what is new in this release, and the commands that refresh the archives on disk'],
    ['manifest --deep', 'the same after reading every byte'],
    ['manifest --json', 'for scripts'],
  ],
  exits: ['usage', 'payload', 'interrupted', 'terminated'],
  run,
};
