import { queryDiff } from '../queries/diff.ts';
import { queryManifest } from '../queries/manifest.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { manifestText } from '../ui/manifest-text.ts';
import { releaseDiffText } from '../ui/release-diff-text.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run(invocation: Invocation): Promise<void> {
  const { data, lines } = await asked(invocation);
  assertStdoutOpen();
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
  const data = await withStderrProgress((emit) => queryManifest({ deep }, { program, signal, emit }));
  return { data, lines: () => manifestText(data, options.summary === true) };
}

export const manifestCommand: Command = {
  options: [
    { flags: '--summary', summary: 'short form: only images and archives', conflicts: ['diff'] },
    {
      flags: '--deep',
      summary: 'read every byte of the archives on disk, and the images in archives of other programs',
      conflicts: ['diff'],
    },
    { flags: '--diff <file>', summary: 'show what this file changes against another delivered one' },
    { flags: '--json', summary: 'everything as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Changes nothing. Compares the payload with the archives ' +
      'in the product folder, the images in containerd ' +
      'and the images that run in the cluster. containerd and the cluster are queried only as root, for at ' +
      'most 2 seconds; without their answers the command still succeeds.',
    'Without --deep an archive is compared by its size, its final checksum and every header ' +
      'inside (`matches`). Only --deep reports `same`. --diff reads only the indexes of both files.',
    'Prints the release notes of releases newer than the installed one; with --diff, of those between the ' +
      'two files.',
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
      'what is new in this release, what an upgrade would load, ' +
        'and the commands that refresh the archives on disk',
    ],
    ['manifest --deep', 'the same, after reading every byte'],
    ['manifest --diff /media/usb/older', 'what this release adds, changes and removes against that one'],
    ['manifest --json', 'for scripts'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
