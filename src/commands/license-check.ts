import { queryLicenseCheck } from '../queries/license-check.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { licenseLines } from '../ui/license-text.ts';
import { terminalWidth } from '../ui/output.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ options, json, signal, program, again }: Invocation): Promise<void> {
  const path = typeof options.license === 'string' ? options.license : undefined;
  const { report, refusal } = await queryLicenseCheck(path, { program, again, signal });
  const text = json ? JSON.stringify(report) : licenseLines(report, terminalWidth()).join('\n');
  assertStdoutOpen();
  // A licence that is not enough is reported even where the report could not be written.
  await answer(`${text}\n`, signal).finally(() => {
    if (refusal !== undefined) throw refusal;
  });
}

export const licenseCheck: Command = {
  options: [
    {
      flags: '--license <file>',
      summary: 'check this licence file, or PORT@HOST of a FlexNet server (default: the installed licence)',
    },
    { flags: '--json', summary: 'the answer as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Says for each entitlement of the release in this file whether the licence grants it, when it expires, ' +
      'and whether this host runs its connector. Reads FlexNet licences (SERVER, USE_SERVER, FEATURE, ' +
      'INCREMENT, PACKAGE, UPGRADE) and licences in JSON. Changes nothing. Run it from the folder of the ' +
      'new package, before the upgrade.',
    'Opens a connection to every licence server that the licence names, for at most 3 seconds, and closes ' +
      'it again. Where this file carries lmutil, lmstat is asked as well; the program is written to a ' +
      'temporary folder, which is removed.',
    'The installed licence and what runs now are read as root only. With --license the command works for ' +
      'any user who can read the file; what runs now is then not known, and every entitlement counts.',
    'An entitlement does not count where this host does not run its connector and the installed licence ' +
      'does not name it. Exit 3: one that counts is missing, expired, denied by lmstat or not known, or ' +
      'the licence server does not answer and the product requires it. Before a first install every ' +
      'entitlement counts for the exit code: the last line says which connectors an install with this ' +
      'licence would enable.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/license-schema.ts')).licenseSchema),
  ],
  examples: [
    ['license-check', 'checks the installed licence for the release in this file'],
    ['license-check --license new.lic', 'checks a new licence before it is installed'],
    ['license-check --license 27000@licenses.example.com', 'only asks a FlexNet server'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
