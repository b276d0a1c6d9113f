import { graphSteps } from '../flows/graph-steps.ts';
import type { Command } from './command.ts';

export const installHelp: Pick<Command, 'touches' | 'lists' | 'examples' | 'exits'> = {
  touches: [
    'Checks the whole payload and the host first, side by side, and refuses, with nothing changed, where ' +
      'it cannot succeed. A payload that an earlier run found intact is not read again while its file stays ' +
      'as it was (--reverify). Needs root.',
    "A fresh install makes the product's folder, namespace, secrets, database volume, values file and Helm release.",
    "An upgrade dumps the database, saves state, values and Helm's records, replaces the chart, loads the " +
      'image layers that are missing, upgrades the release and asks its health routes; it never edits the values file.',
    'A run that failed or was cut off goes on when the same command is typed again.',
  ],
  lists: async () => {
    const { install: fresh, upgrade } = await graphSteps();
    const rows = (steps: typeof fresh) => steps.map(({ id, title }) => [id, title] as const);
    return [
      { title: 'Steps of an install', rows: rows(fresh) },
      { title: 'Steps of an upgrade', rows: rows(upgrade) },
    ];
  },
  examples: [
    [
      'install --fqdn wells.example.com --license license.json --yes',
      'installs on an empty k3s host without asking',
    ],
    ['install --upgrade --preflight-only', 'says whether an upgrade may start, and changes nothing'],
    ['install --upgrade', 'upgrades the installed release to the one in this file'],
    ['install --upgrade --dry-run', 'shows what that would do; exits as it would if it were refused'],
    ['install --upgrade --reapply', 'runs all steps again, e.g. after a change of the values file'],
    ['install --upgrade --images-from disk', 'takes images from the archives on disk only'],
  ],
  exits: [
    'declined',
    'usage',
    'preflight',
    'payload',
    'version',
    'failed',
    'rolled_back',
    'schema_moved',
    'locked',
    'nothing_to_do',
    'interrupted',
    'terminated',
    'bug',
  ],
};
