import { stat } from 'node:fs/promises';
import { thisMachine } from '../session/machine.ts';
import { newerInstalledThan, queryHostImages } from '../queries/manifest.ts';
import { compareArchives } from '../images/compare-archives.ts';
import { join } from 'node:path';
import type { Payload } from '../payload/reader.ts';
import { openPayload } from '../payload/open-payload.ts';
import { answer, assertHeard } from '../ui/answer.ts';
import { byteTask } from './byte-task.ts';
import type { Command, Invocation } from './command.ts';
import { openDelivered } from '../queries/delivered-file.ts';
import { manifestReport } from '../queries/manifest-report.ts';
import { manifestText } from '../ui/manifest-text.ts';
import { describedRelease } from '../images/release-description.ts';
import { releaseDiff } from '../images/release-diff.ts';
import { releaseDiffText } from '../ui/release-diff-text.ts';
import { signerOf } from '../payload/format/signature.ts';

async function run(invocation: Invocation): Promise<void> {
  const { options, json } = invocation;
  const payload = await openPayload();
  try {
    const { diff } = options;
    const { data, text } =
      typeof diff === 'string' ? await compared(payload, diff) : await listed(payload, invocation);
    assertHeard();
    await answer(json ? `${JSON.stringify(data)}\n` : `${text.join('\n')}\n`, invocation.signal);
  } finally {
    await payload.close();
  }
}

async function listed(payload: Payload, { options, program, signal }: Invocation) {
  const deep = options['deep'] === true;
  const [index, product] = await Promise.all([payload.index(), payload.product()]);
  const paths = index.archives.map(({ name }) => join(product.folder, name));
  const task = deep ? byteTask('compare', 'reading the archives on disk', await bytesOf(paths)) : undefined;
  let bytes = 0;
  const onBytes = (read: number) => task?.progress((bytes += read));
  const compare = () => compareArchives(index, product.folder, { deep, signal, onBytes });
  const [archives, host, newerInstalled] = await Promise.all([
    task?.during(compare) ?? compare(),
    queryHostImages(index, product, { machine: thisMachine, signal }),
    newerInstalledThan(payload),
  ]);
  const key = signerOf(payload.trailer);
  const data = manifestReport(index, product, {
    digest: payload.digest,
    key,
    archives,
    host,
    program,
    newerInstalled,
  });
  return { data, text: manifestText(data, options['summary'] === true) };
}

/** What `--deep` will read; what cannot be looked at counts as nothing. */
async function bytesOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function compared(payload: Payload, path: string) {
  const other = await openDelivered(path);
  try {
    const [from, to] = await Promise.all([describedRelease(payload), describedRelease(other)]);
    const data = releaseDiff(from, to);
    return { data, text: releaseDiffText(data, path) };
  } finally {
    await other.close();
  }
}

export const manifestCommand: Command = {
  options: [
    { flags: '--summary', summary: 'images and archives only, on few lines', conflicts: ['diff'] },
    {
      flags: '--deep',
      summary: 'read every byte of the archives on disk, and the images inside foreign ones',
      conflicts: ['diff'],
    },
    { flags: '--diff <file>', summary: 'what another delivered file holds otherwise than this one' },
    { flags: '--json', summary: 'everything as one JSON object' },
  ],
  touches:
    'Reads and changes nothing. Compares the payload with the archives below the product folder, with what containerd holds\n' +
    'and with what the cluster runs; those two are asked as root only, have 2 seconds together, and never fail the command.\n' +
    'Without --deep an archive is compared by its size, its closing checksum and every header inside ("matches"); only --deep\n' +
    'says "same". --diff reads the indexes of both files and asks nobody.',
  examples: [
    [
      'manifest --summary',
      'what is new in this release, what an upgrade would load, and the commands that refresh the archives on disk',
    ],
    ['manifest --deep', 'the same after reading every byte'],
    ['manifest --diff /media/usb/delivery', 'what that release adds, changes and removes'],
    ['manifest --json', 'for scripts'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
