import { activate, deactivate } from '../flows/activate/activate.ts';
import { parseTrustKey } from '../policy/trust.ts';
import { activateLines } from '../ui/activate-text.ts';
import { answer } from '../ui/answer.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import { IvaapError } from '../errors.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';
import { shareFiles } from './share-files.ts';

async function run({
  options,
  json,
  signal,
  secondSignal,
  program,
  again,
  tables,
}: Invocation): Promise<void> {
  const trustKey = parseTrustKey(options.trustKey as string | undefined, again);
  const result = await withStderrProgress((emit) => {
    const confirm = terminalConfirm(signal, again);
    const ports = { emit, signal, insist: secondSignal, program, again, confirm };
    return options.undo === true
      ? deactivate(ports)
      : activate({ copy: options.copy === true, trustKey }, ports, shareFiles(tables));
  });
  await answer(`${json ? JSON.stringify(result) : activateLines(result).join('\n')}\n`, signal);
}

export const activateCommand: Command = {
  options: [
    { flags: '--undo', summary: 'remove the names from PATH, and all that was put there with them' },
    { flags: '--copy', summary: 'agree to a whole copy of this file where its names cannot lead to it' },
    {
      flags: '--trust-key <fingerprint>',
      summary: 'accept this signing key (or: unsigned) although the installed release has another one',
    },
    { flags: '--json', summary: 'the result as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Puts this version on PATH, under the names of its product (for IVAAP: ivaap, ki and ivaap_pgdump in ' +
      '/usr/local/bin, and where sudo does not look there, in a folder in which it does), with completions ' +
      'for bash, zsh and fish and man pages. Needs root and an installed product.',
    'The names lead to this file itself where it is root’s, below folders that only root may write, and on ' +
      'a disk that stays. Otherwise they lead to a copy of it, which shares its blocks where the file ' +
      'system can do that. A whole copy is asked for, with its size and the free room.',
    'A file of others is never replaced. A file with another key than the installed release’s is refused. ' +
      '.installer/activation.json in the product’s folder records what was put where.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/activate-schema.ts')).activateSchema),
  ],
  examples: [
    ['activate', 'puts this version on PATH; the names switch to it at once'],
    ['activate --copy', 'the same, also where gigabytes have to be copied for it'],
    ['activate --undo', 'removes the names again'],
  ],
  exits: ['declined', 'usage', 'preflight', 'payload', 'failed', 'locked', 'interrupted', 'terminated'],
  check({ options, again }) {
    const wrong = ['copy', 'trustKey'].filter((name) => options[name] !== undefined);
    if (options.undo !== true || wrong.length === 0) return;
    throw new IvaapError('usage', '--undo takes no other flag but --json', {
      hint: again({ without: ['--copy', '--trust-key'] }),
    });
  },
  run,
};
