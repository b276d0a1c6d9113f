import { graphSteps } from '../flows/graph-steps.ts';
import type { Command } from './command.ts';

export const installHelp: Pick<Command, 'touches' | 'lists' | 'examples' | 'exits' | 'exitMeanings'> = {
  touches: [
    'Checks the entire payload and the host first, in parallel. A run that cannot succeed is refused, and ' +
      'nothing is changed. A payload that an earlier run found ' +
      'intact is not read again unless its file has ' +
      'changed or --reverify is given. Needs root.',
    "A new install creates the product's folder, namespace, " +
      'secrets, database volume, values file and Helm release.',
    'An upgrade dumps the database, saves state, values and ' +
      "Helm's records, replaces the chart, loads missing " +
      'image layers, upgrades the release and checks its health routes. It never edits the values file.',
    'On a terminal a new install asks for what the flags and the file of --answers leave open; without ' +
      'one, or with --yes, all that is missing is named at once.',
    'A run that failed or was cut off resumes when the same command is run again.',
    'A rehearsal dumps the database, restores the dump beside it, lets the new release migrate that copy, ' +
      'and removes it. What runs is not touched, and the upgrade afterwards is a run of its own.',
    'A rollback undoes steps of an install, newest first. It removes only what the install made, and ' +
      "nothing while something of others is in the way. The database's folder is renamed, not deleted.",
  ],
  lists: async () => {
    const { install: fresh, upgrade, majorChange, rehearse } = await graphSteps();
    const rows = (steps: typeof fresh) => steps.map(({ id, title }) => [id, title] as const);
    return [
      { title: 'Steps of an install', rows: rows(fresh) },
      { title: 'Steps of an upgrade', rows: rows(upgrade) },
      {
        title: 'Steps that come with another major version of PostgreSQL',
        rows: rows(majorChange),
      },
      { title: 'Steps of a rehearsal', rows: rows(rehearse) },
    ];
  },
  examples: [
    ['install', 'asks for licence, name, storage and connectors, then installs on an empty k3s host'],
    [
      'install --print-answers > answers.yaml',
      'the same questions; prints the file that repeats the install',
    ],
    [
      'install --fqdn product.example.com --license license.json --yes',
      'installs on an empty k3s host without asking',
    ],
    ['install --resume', 'resumes an unfinished install and asks nothing again'],
    [
      'install --rollback-to postgres --accept-data-loss',
      'dumps the database, then undoes postgres and all after it; the next install begins there',
    ],
    ['install --upgrade --preflight-only', 'checks whether an upgrade can start; changes nothing'],
    ['install --upgrade', 'upgrades the installed release to the one in this file'],
    [
      'install --upgrade --dry-run',
      'shows what the upgrade would do; a refusal has the same exit code as without --dry-run',
    ],
    [
      'install --upgrade --rehearse',
      'migrates a copy of the database first, and says how long it takes and whether rows are lost',
    ],
    ['install --upgrade --reapply', 'runs all steps again, e.g. after a change of the values file'],
    ['install --upgrade --images-from disk', 'uses only the image archives on disk'],
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
  exitMeanings: {
    failed:
      'a step failed; fix the cause and run the same command again: it resumes there. Of --rehearse: the ' +
      'migration failed or lost rows on the copy, or could not be ended; what runs is as it was',
  },
};
