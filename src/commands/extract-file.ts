import { extractFile, streamFile } from '../queries/extract-file.ts';
import { assertStdoutOpen, writtenToStdout } from '../ui/answer.ts';
import { extractedFileText } from '../ui/extract-text.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ args, program, again, signal, json, options }: Invocation): Promise<void> {
  const [name = '', dest = ''] = args;
  if (dest === '-') {
    assertStdoutOpen();
    return streamFile(name, writtenToStdout, { program, signal });
  }
  const force = options.force === true;
  const file = await withStderrProgress((emit) =>
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
    { flags: '--force', summary: 'replace an existing file that is not an archive of this program' },
    { flags: '--json', summary: 'the result, or the error, as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Writes only DEST: to a temporary file next to it, checking every byte, which is then renamed. Needs ' +
      'free space for the new file in addition to the old one.',
    'An archive at its place in the product folder, or one that ' +
      'this program wrote, is replaced atomically and ' +
      'keeps its owner and mode. Any other file is replaced ' +
      'only with --force. A folder, a link or a device ' +
      'is refused. What another process writes to DEST meanwhile stays.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/extract-schema.ts')).extractedFileSchema),
  ],
  examples: [
    [
      'extract-file NAME /path/to/file',
      'write or replace that file (`manifest` prints these commands, ready to paste)',
    ],
    ['extract-file NAME - | tar -tz', 'list the contents of an archive without writing it'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
