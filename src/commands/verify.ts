import { IvaapError } from '../errors.ts';
import { parseTrustKey } from '../policy/trust.ts';
import { queryVerify } from '../queries/verify.ts';
import { answer } from '../ui/answer.ts';
import { drawnOnStderr } from '../ui/stderr-progress.ts';
import { verifyLines } from '../ui/verify-text.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ args, json, signal, options, program, again }: Invocation): Promise<void> {
  const [file] = args;
  const trustKey = parseTrustKey(options.trustKey as string | undefined, again);
  if (trustKey !== undefined && file === undefined)
    throw new IvaapError('usage', '--trust-key is about another file', { hint: `${program} verify FILE` });
  const { report, refusal } = await drawnOnStderr((emit) =>
    queryVerify({ file, full: options.full === true, trustKey }, { emit, signal, again }),
  );
  const text = json ? [JSON.stringify(report)] : verifyLines(report);
  // Damage and another key are what counts, also where the evidence could not be written.
  await answer(`${text.join('\n')}\n`, signal).finally(() => {
    if (refusal !== undefined) throw refusal;
  });
}

export const verifyCommand: Command = {
  arguments: [{ name: '[file]', summary: 'another delivered file; without it, this one' }],
  options: [
    {
      flags: '--full',
      summary: 'hash every chunk and every entry with SHA-256 as well, with a verdict on each entry',
    },
    {
      flags: '--trust-key <fingerprint>',
      summary:
        'take the file although it has another key than the installed release: this one (or: unsigned)',
    },
    { flags: '--json', summary: 'the evidence as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Reads every byte of the file once (the executable of another file, and with --full everything, twice) ' +
      'and changes nothing. Prints what was read, how it was checked and the verdict of each part; ' +
      'damage is named by entry and byte range.',
    "The key of another file is compared with the installed release's (as root, from the installer's state) " +
      "or, where nothing is installed, with this program's. Where there is no key to compare with (this " +
      'program, or what is installed, is unsigned), the file is not trusted unless --trust-key names its key.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/verify-schema.ts')).verifySchema),
  ],
  examples: [
    ['verify', 'prove this file intact before it is used'],
    ['verify /media/usb/delivery', 'prove another file, e.g. a fresh download, and its key, with this one'],
    ['verify /media/usb/delivery --full --json', 'the evidence for an auditor, entry by entry'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
