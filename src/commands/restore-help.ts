import { IvaapError } from '../errors.ts';
import { graphSteps } from '../flows/graph-steps.ts';
import { waiverOf } from '../policy/preflight-report.ts';
import type { Command } from './command.ts';

export const restoreHelp: Omit<Command, 'run'> = {
  arguments: [
    {
      name: '[backup]',
      summary: 'its name in "backup list" (default: the way back over the last change of version)',
    },
  ],
  options: [
    { flags: '--confirm <name>', summary: "the product's name, for scripts: it is not asked for then" },
    { flags: '--data-only', summary: 'bring back the data alone; chart, values and release stay' },
    {
      flags: '--skip-backup',
      summary: 'take no dump of the database that is there now, which is kept all the same',
    },
    { flags: '--undo', summary: 'bring back what was there before the last restore' },
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
      'and values are kept in the backup. --undo goes back to them; --discard deletes such databases for ' +
      'good. Other volumes and folders are named, and stay as they are.',
    'A restore that failed or was cut off resumes when the same command is run again. One that ends before ' +
      'the swap starts again what it has stopped.',
  ],
  lists: async () => {
    const { restore: steps } = await graphSteps();
    return [{ title: 'Steps of a restore', rows: steps.map(({ id, title }) => [id, title] as const) }];
  },
  examples: [
    ['restore --dry-run', 'shows what would be brought back; changes nothing'],
    ['restore', 'shows the same, asks for the name, and goes back over the last upgrade'],
    ['restore before-the-move', 'restores that backup'],
    ['restore --undo', 'brings back what the last restore has replaced'],
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
    const names = {
      dataOnly: '--data-only',
      skipBackup: '--skip-backup',
      waive: '--waive',
      undo: '--undo',
    };
    const useless = given('discard')
      ? (['dataOnly', 'skipBackup', 'waive', 'undo'] as const)
      : given('undo')
        ? (['dataOnly'] as const)
        : [];
    const action = given('discard') ? '--discard' : '--undo';
    const hint = `${program} restore --help`;
    for (const name of useless) {
      if (given(name)) throw new IvaapError('usage', `${names[name]} is of no use with ${action}`, { hint });
    }
    if (backup !== undefined && useless.length > 0)
      throw new IvaapError('usage', `restore ${action} takes no name of a backup`, { hint });
    const { waive } = options;
    if (Array.isArray(waive)) for (const text of waive as string[]) waiverOf(text);
  },
};
