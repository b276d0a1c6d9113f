import { dumpDatabase } from '../queries/database-dump.ts';
import { answer } from '../ui/answer.ts';
import { dumpLines } from '../ui/dump-text.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import type { Command } from './command.ts';
import { jsonFields } from './json-fields.ts';

/** `ivaap_pgdump`: a dump of the product's database by hand. */
export const pgDumpCommand: Command = {
  arguments: [{ name: '[file]', summary: 'a new file (default: DATABASE-TIME.sql in the current folder)' }],
  options: [{ flags: '--json', summary: 'the note of the dump as one JSON object (docs/json.md)' }],
  touches: [
    "Takes the same dump as an upgrade does: pg_dump in the database's pod, its rows counted, its end " +
      'checked and its SHA-256 computed while it is written. FILE (0600) appears once it is complete. ' +
      'FILE.json beside it says release, schema version, rows and hash.',
    'Overwrites nothing, and stops before it uses the disk space that is reserved for the database. ' +
      'Changes nothing else; the product keeps running. Needs root.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/dump-schema.ts')).dumpNoteSchema),
  ],
  examples: [
    ['', 'dumps into a new file in the current folder'],
    ['/mnt/backup/before-the-migration.sql', 'dumps into this file, which must not exist yet'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  async run({ args, json, signal, secondSignal, program, again }) {
    const note = await withStderrProgress((emit) =>
      dumpDatabase(
        { file: args[0] },
        { emit, signal, insist: secondSignal, program, again, confirm: undefined },
      ),
    );
    const text = json ? JSON.stringify(note) : dumpLines(note).join('\n');
    await answer(`${text}\n`, signal);
  },
};
