import { queryDiff } from '../queries/diff.ts';
import { queryManifest } from '../queries/manifest.ts';
import { answer, assertHeard } from '../ui/answer.ts';
import { manifestText } from '../ui/manifest-text.ts';
import { releaseDiffText } from '../ui/release-diff-text.ts';
import { drawnOnStderr } from '../ui/stderr-progress.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run(invocation: Invocation): Promise<void> {
  const { data, lines } = await asked(invocation);
  assertHeard();
  const text = invocation.json ? JSON.stringify(data) : lines().join('\n');
  await answer(`${text}\n`, invocation.signal);
}

async function asked({ options, program, signal }: Invocation) {
  if (typeof options.diff === 'string') {
    const file = options.diff;
    const data = await queryDiff(file);
    return { data, lines: () => releaseDiffText(data, file) };
  }
  const deep = options.deep === true;
  const data = await drawnOnStderr((emit) => queryManifest({ deep }, { program, signal, emit }));
  return { data, lines: () => manifestText(data, options.summary === true) };
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
    { flags: '--json', summary: 'everything as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Reads and changes nothing. Compares the payload with the archives below the product folder, ' +
      'with what containerd holds and with what the cluster runs; those two are asked as root only, ' +
      'have 2 seconds together, and never fail the command.',
    'Without --deep an archive is compared by its size, its closing checksum and every header ' +
      'inside (`matches`); only --deep says `same`. --diff reads the indexes of both files and asks nobody.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/manifest-schema.ts')).manifestSchema),
    jsonFields(
      'Fields of --diff --json',
      (await import('../queries/release-diff-schema.ts')).releaseDiffSchema,
    ),
  ],
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
