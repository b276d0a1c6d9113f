import { graphSteps } from '../flows/graph-steps.ts';
import type { Command } from './command.ts';

export const uninstallHelp: Omit<Command, 'run'> = {
  options: [
    { flags: '--confirm <name>', summary: "the product's name, for scripts: it is not asked for then" },
    {
      flags: '--dump-to <folder>',
      summary: 'new folder for the last dump and older backups (default: beside the folder of the product)',
    },
    { flags: '--keep-data', summary: "keep the database's folder, with a record that a later install reads" },
    { flags: '--skip-backup', summary: 'remove it without a last dump of the database (dangerous)' },
    { flags: '--delete-backups', summary: 'delete older backups and anchors instead of moving them' },
    {
      flags: '--without-cluster',
      summary:
        "remove what lies on this host's disks, and name the rest, although the cluster does not answer",
    },
    { flags: '--dry-run', summary: 'print what would be deleted and all blockers; changes nothing' },
    { flags: '--yes', summary: 'no answer to this question: the name has to be typed', hidden: true },
    {
      flags: '--json',
      summary: 'print one JSON event per line (docs/events.md; the last one: docs/json.md)',
    },
  ],
  touches: [
    'Shows what it would delete and asks for the name of the product. Takes a last dump of the database ' +
      'into a folder outside all that is deleted. Then removes release, namespace, claims and volumes, ' +
      'moves older backups to that folder, and removes data, images that only this product pinned, and ' +
      'files. Needs root.',
    'Removes only what this installer made for this product. Objects, files and images of others stay and ' +
      'are named, each with the command that would delete it; so do custom resource definitions.',
    'An unfinished install, upgrade or rollback is removed as well. A run that failed or was cut off ' +
      'resumes when the same command is run again.',
  ],
  lists: async () => {
    const { uninstall: steps } = await graphSteps();
    return [{ title: 'Steps of an uninstall', rows: steps.map(({ id, title }) => [id, title] as const) }];
  },
  examples: [
    ['uninstall --dry-run', 'shows what would be deleted; changes nothing'],
    ['uninstall', 'shows the same, asks for the name, and removes it'],
    ['uninstall --keep-data', 'keeps the data for a later install'],
    ['uninstall --confirm NAME --dump-to /backup/last', 'asks nothing; the dump goes to another disk'],
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
};
