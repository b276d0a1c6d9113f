import { IvaapError } from '../errors.ts';
import { parseTrustKey } from '../policy/trust.ts';
import { queryVerify } from '../queries/verify.ts';
import { answer } from '../ui/answer.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import { verifyLines } from '../ui/verify-text.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ args, json, signal, options, program, again }: Invocation): Promise<void> {
  const [file] = args;
  const trustKey = parseTrustKey(options.trustKey as string | undefined, again);
  if (trustKey !== undefined && file === undefined)
    throw new IvaapError('usage', '--trust-key applies only to another file', {
      hint: `${program} verify FILE`,
    });
  const { report, refusal } = await withStderrProgress((emit) =>
    queryVerify({ file, full: options.full === true, trustKey }, { emit, signal, again }),
  );
  const text = json ? [JSON.stringify(report)] : verifyLines(report);
  // Damage or another key is reported even where the evidence could not be written.
  await answer(`${text.join('\n')}\n`, signal).finally(() => {
    if (refusal !== undefined) throw refusal;
  });
}

export const verifyCommand: Command = {
  arguments: [{ name: '[file]', summary: 'another delivered file (default: this one)' }],
  options: [
    {
      flags: '--full',
      summary: 'also hash every chunk and every entry with SHA-256, with a verdict for each entry',
    },
    {
      flags: '--trust-key <fingerprint>',
      summary: 'accept this signing key (or: unsigned) although the installed release has another one',
    },
    { flags: '--json', summary: 'the evidence as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Reads every byte of the file and changes nothing. (The executable of another file, and with --full ' +
      'everything, is read twice.) Prints what was read, how it was checked and the verdict for each part. ' +
      'Damage is reported by entry and byte range.',
    'The key of another file is compared with the key of the ' +
      "installed release (as root, from the installer's " +
      'state) or, where nothing is installed, with the key of ' +
      'this program. If that is unsigned, there is no ' +
      'key to compare with, and the file is not trusted unless --trust-key names its key.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/verify-schema.ts')).verifySchema),
  ],
  examples: [
    ['verify', 'check that this file is intact before using it'],
    ['verify /media/usb/delivery', 'check another file, e.g. a new download, and its key with this program'],
    ['verify /media/usb/delivery --full --json', 'the evidence for an auditor, entry by entry'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
