import { extractFile, streamFile } from '../queries/extract-file.ts';
import { writtenToStdout } from '../ui/answer.ts';
import { extractedFileText } from '../ui/extract-text.ts';
import { drawnOnStderr } from '../ui/stderr-progress.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ args, program, again, signal, json, options }: Invocation): Promise<void> {
  const [name = '', dest = ''] = args;
  if (dest === '-') return streamFile(name, writtenToStdout, { program, signal });
  const force = options.force === true;
  const file = await drawnOnStderr((emit) =>
    extractFile({ name, dest, force }, { emit, signal, program, again }),
  );
  process.stdout.write(`${json ? JSON.stringify(file) : extractedFileText(file)}\n`);
}

export const extractFileCommand: Command = {
  arguments: [
    { name: '<name>', summary: 'an archive or a file of the payload, as `manifest` lists it' },
    { name: '<dest>', summary: 'the file to write; `-` is standard output' },
  ],
  options: [
    { flags: '--force', summary: 'replace an existing file that is no archive of this program' },
    { flags: '--json', summary: 'the result, or the error, as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Writes DEST and nothing else: under a temporary name beside it, each byte checked on its way, ' +
      'then renamed into place. Needs room for the new file beside the old one.',
    'An archive that lies where the product has its archives, or that this program has written, is ' +
      'replaced in one instant and gives its owner and mode to the new one; any other file only with ' +
      '--force. A folder, a link or a device is refused.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/extract-schema.ts')).extractedFileSchema),
  ],
  examples: [
    [
      'extract-file NAME /path/to/file',
      'write or replace that file (`manifest` prints these commands ready to use)',
    ],
    ['extract-file NAME - | tar -tz', 'list what an archive holds, without writing it'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
