import { pruneBackups } from '../flows/backup/prune.ts';
import { takeBackup } from '../flows/backup/take.ts';
import { verifyBackup } from '../flows/backup/verify.ts';
import { IvaapError } from '../errors.ts';
import { queryBackups } from '../queries/backup-list.ts';
import { answer } from '../ui/answer.ts';
import { backupLines, backupListLines, prunedLines } from '../ui/backup-text.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import { type Command, textOf } from './command.ts';
import { jsonFields } from './json-fields.ts';

/** Which options an action takes; the others would be silently without effect. */
const optionsOf: Record<string, readonly string[]> = {
  take: ['output', 'name', 'compress'],
  list: [],
  verify: [],
  prune: ['dryRun', 'yes'],
};

/** `backup`: takes, lists, proves and removes backups of the database. */
export const backupCommand: Command = {
  arguments: [
    {
      name: '[action]',
      summary: 'what to do with the backups that there are (default: take a new one)',
      choices: ['list', 'verify', 'prune'],
    },
    { name: '[backup]', summary: 'of verify: the name of a backup, as list shows it' },
  ],
  options: [
    {
      flags: '--output <folder>',
      summary: "where the new backup's folder is made (default: beside the others)",
    },
    { flags: '--name <name>', summary: "of the new backup's folder (default: the time)" },
    {
      flags: '--compress <format>',
      summary: 'of the new backup: pack the dump with zstd (default: plain text)',
      choices: ['zstd'],
    },
    { flags: '--dry-run', summary: 'of prune: show what would be removed; removes nothing' },
    { flags: '--yes', summary: 'of prune: answer yes to the question' },
    { flags: '--json', summary: 'print one JSON object (docs/json.md)' },
  ],
  touches: [
    'Takes the dump that an upgrade takes, with roles, settings and a script that restores it, into a new ' +
      'folder (0700, files 0600), and records it. The product keeps running. It needs room for the dump ' +
      'beside what is reserved for the database; a table that another session locks is waited for as long ' +
      "as the product's data say. A packed dump has the suffix .zst: restore and verify read it as any " +
      'other, its restore.sh needs the program zstd. Needs root.',
    'list shows every backup that is recorded: those taken by hand, those of runs, and those that are the ' +
      'way back to a version. It asks neither cluster nor database.',
    "verify restores a backup into a database of its own on the product's server, compares every row of " +
      'every table with the file, and drops it. The live database is only read; its disk needs ' +
      'room for the copy.',
    "prune removes backups that were taken by hand and are old, by the numbers in the product's data. It " +
      'never removes a way back, a dump of a run, or the newest backup, and nothing at all before the ' +
      'newest one was verified.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/backup-schema.ts')).backupEntrySchema),
  ],
  examples: [
    ['backup', 'takes a backup'],
    ['backup --output /mnt/backup --name before-the-move', 'takes one on another disk'],
    ['backup --compress zstd', 'takes one that needs less room'],
    ['backup list', 'shows the backups that there are'],
    ['backup verify before-the-move', 'restores it for a try, and compares all rows'],
    ['backup prune --dry-run', 'shows which old backups would be removed'],
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
  ],
  check({ args: [action = 'take', backup], options, program }) {
    const hint = `${program} backup --help`;
    const refuse = (message: string) => new IvaapError('usage', message, { hint });
    if (action === 'verify' && backup === undefined) {
      throw new IvaapError('usage', 'backup verify needs the name of a backup', {
        hint: `${program} backup list`,
      });
    }
    if (action !== 'verify' && backup !== undefined)
      throw refuse(`backup ${action} takes no name of a backup`);
    for (const name of ['output', 'name', 'compress', 'dryRun', 'yes']) {
      const given = options[name] !== undefined && options[name] !== false;
      const flag = `--${name === 'dryRun' ? 'dry-run' : name}`;
      if (given && optionsOf[action]?.includes(name) !== true)
        throw refuse(`${flag} is of no use with backup${action === 'take' ? '' : ` ${action}`}`);
    }
  },
  async run({ args: [action, backup = ''], options, json, signal, secondSignal, program, again }) {
    const print = <T>(lines: (result: T) => string[], result: T) =>
      answer(`${json ? JSON.stringify(result) : lines(result).join('\n')}\n`, signal);
    await withStderrProgress(async (emit) => {
      const confirm = action === 'prune' ? terminalConfirm(signal, again) : undefined;
      const ports = { emit, signal, insist: secondSignal, program, again, confirm };
      if (action === 'list') return print(backupListLines, await queryBackups(ports));
      if (action === 'verify') return print(backupLines, await verifyBackup(backup, ports));
      if (action === 'prune') {
        const prune = { dryRun: options.dryRun === true, yes: options.yes === true };
        return print(prunedLines, await pruneBackups(prune, ports));
      }
      const take = {
        output: textOf(options.output),
        name: textOf(options.name),
        compress: options.compress === undefined ? undefined : ('zstd' as const),
      };
      return print(backupLines, await takeBackup(take, ports));
    });
  },
};
