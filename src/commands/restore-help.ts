import { IvaapError } from '../errors.ts';
import { graphSteps } from '../flows/graph-steps.ts';
import { waiverOf } from '../policy/preflight-report.ts';
import { isVersion } from '../version.ts';
import type { Command } from './command.ts';

const names = {
  discard: '--discard',
  dataOnly: '--data-only',
  chartOnly: '--chart-only',
  skipBackup: '--skip-backup',
  waive: '--waive',
  undo: '--undo',
  package: '--package',
  dumpVersion: '--dump-version',
  dumpSchema: '--dump-schema',
} as const;

const ofDump = ['dumpVersion', 'dumpSchema'] as const;

/** Flags that say nothing beside another one; the first of these that was typed counts. */
const uselessWith: Record<'discard' | 'undo' | 'chartOnly' | 'dataOnly', readonly (keyof typeof names)[]> = {
  discard: ['undo', 'dataOnly', 'chartOnly', 'package', 'skipBackup', 'waive', ...ofDump],
  undo: ['dataOnly', 'chartOnly', ...ofDump],
  chartOnly: ['dataOnly', 'skipBackup', ...ofDump],
  dataOnly: ['package'],
};

export const restoreHelp: Omit<Command, 'run'> = {
  arguments: [
    {
      name: '[backup]',
      summary:
        'its name in "backup list", or a file that ivaap_pgdump has written ' +
        '(default: the way back over the last change of version); with --undo a database that was moved ' +
        'aside',
    },
  ],
  options: [
    {
      flags: '--dump-version <version>',
      summary: 'the release of a dump that has no note beside it; on a terminal it is asked for',
    },
    {
      flags: '--dump-schema <number>',
      summary: 'the version of the schema in such a dump, which is compared with the dump itself',
    },
    { flags: '--confirm <name>', summary: "the product's name, for scripts: it is not asked for then" },
    { flags: '--data-only', summary: 'bring back the data alone; chart, values and release stay' },
    {
      flags: '--chart-only',
      summary: 'bring back chart, values and release alone, where the schema of the database has not moved',
    },
    {
      flags: '--package <file>',
      summary: 'the package of the release that comes back: images that are missing are loaded from it',
    },
    {
      flags: '--skip-backup',
      summary: 'take no dump of the database that is there now, which is kept all the same',
    },
    {
      flags: '--undo',
      summary: 'bring back what was there before the last restore, or the named database or data folder',
    },
    { flags: '--discard', summary: 'delete the databases that restores have moved aside' },
    {
      flags: '--waive <id=reason>',
      summary: 'complete although this health step fails; can be repeated; the reason is recorded',
      repeatable: true,
    },
    { flags: '--dry-run', summary: 'print what would be restored and all blockers; changes nothing' },
    { flags: '--yes', summary: 'no answer to this question: the name has to be typed', hidden: true },
    {
      flags: '--json',
      summary: 'print one JSON event per line (docs/events.md; the last one: docs/json.md)',
    },
  ],
  touches: [
    'Shows what is at stake and asks for the name of the product. Loads the dump into a database beside ' +
      'the live one and compares every row, while the product runs. Then stops what uses the database, ' +
      'takes a dump of what is there, swaps the names of the two databases, and brings chart, values and ' +
      'release back. Needs root.',
    'Deletes nothing: the database from before keeps the rest of its name after "_moved_", and its chart ' +
      'and values are kept in the backup. --undo goes back to them, and to an older one by its name, which ' +
      'status shows; --discard deletes such databases for good. Other volumes and folders are named, and ' +
      'stay as they are.',
    'A word with a slash, or one that no backup has and a file in this folder does, is a file: a dump that ' +
      'was taken by hand, here or elsewhere. All of it is read and compared with the note beside it before ' +
      'anything else. It brings back the data alone, unless the chart of its release was kept here. ' +
      'Only root may be able to change it; links are refused.',
    'With --chart-only the database stays as it is, with all rows of now. It is refused where the schema ' +
      'is another one than the release knew, and where that is not known.',
    'A restore that failed or was cut off resumes when the same command is run again. One that ends before ' +
      'the swap starts again what it has stopped.',
  ],
  lists: async () => {
    const { restore: steps, folderBack } = await graphSteps();
    const rows = (all: typeof steps) => all.map(({ id, title }) => [id, title] as const);
    return [
      { title: 'Steps of a restore', rows: rows(steps) },
      {
        title: 'Instead of restore_load and restore_swap, back over another major version of PostgreSQL',
        rows: rows(folderBack),
      },
    ];
  },
  examples: [
    ['restore --dry-run', 'shows what would be brought back; changes nothing'],
    ['restore', 'shows the same, asks for the name, and goes back over the last upgrade'],
    ['restore before-the-move', 'restores that backup'],
    ['restore /mnt/usb/before.sql', 'restores a dump that was taken by hand, with its note beside it'],
    ['restore --chart-only', 'goes back over an upgrade that has not moved the schema, and keeps all data'],
    ['restore --undo', 'brings back what the last restore has replaced'],
    ['restore --undo ivaapdb_moved_20260131T235959_4711', 'brings back that database, with its release'],
    ['restore --discard', 'deletes the databases that restores have moved aside'],
  ],
  exits: [
    'declined',
    'usage',
    'preflight',
    'payload',
    'version',
    'failed',
    'locked',
    'nothing_to_do',
    'interrupted',
    'terminated',
    'bug',
  ],
  check({ args: [backup], options, program }) {
    const given = (name: string) => options[name] !== undefined && options[name] !== false;
    const action = (['discard', 'undo', 'chartOnly', 'dataOnly'] as const).find(given);
    const hint = `${program} restore --help`;
    for (const name of action === undefined ? [] : uselessWith[action]) {
      const message = `${names[name]} is of no use with ${names[action ?? name]}`;
      if (given(name)) throw new IvaapError('usage', message, { hint });
    }
    if (backup !== undefined && given('discard'))
      throw new IvaapError('usage', 'restore --discard takes no name of a backup', { hint });
    const { waive, dumpVersion, dumpSchema } = options;
    if (typeof dumpVersion === 'string' && !isVersion(dumpVersion))
      throw new IvaapError('usage', `--dump-version: ${JSON.stringify(dumpVersion)} is no release`, { hint });
    if (typeof dumpSchema === 'string' && !/^\d{1,9}$/.test(dumpSchema))
      throw new IvaapError('usage', `--dump-schema: ${JSON.stringify(dumpSchema)} is no number`, { hint });
    if (Array.isArray(waive)) for (const text of waive as string[]) waiverOf(text);
  },
};
