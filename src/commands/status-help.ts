import type { Command } from './command.ts';
import { jsonFields } from './json-fields.ts';
import { usualSeconds } from './wait-flag.ts';

export const statusHelp: Omit<Command, 'run' | 'check'> = {
  options: [
    {
      flags: '--watch',
      summary: 'follow the active run from its first event to its end',
      conflicts: ['wait', 'exitCode'],
    },
    {
      flags: '--wait [seconds]',
      summary: `wait until the product is healthy, at most so long (default: ${usualSeconds})`,
    },
    {
      flags: '--exit-code',
      summary:
        'for scripts: 0 only where the product is healthy, 6 where it is not, 10 where nothing is installed',
    },
    {
      flags: '--json',
      summary: 'print one JSON object (docs/json.md); with --watch one event per line (docs/events.md)',
    },
  ],
  touches: [
    'Its first two lines answer whether an upgrade may start: yes, no with the reason and the command to ' +
      'try, or unknown; then the installed version, the last run, the age of the last dump, the ' +
      'schema and the health. Healthy means: Helm has deployed the release, and all pods, health ' +
      'routes (those that were waived left out) and the database answer. Not known is not healthy.',
    'Reads the installer state, queries the cluster and the health routes, and changes nothing. When the ' +
      'cluster is down, or without root, it shows the rest, ' +
      'reports what it could not read, and still exits 0, without --exit-code and --wait.',
    '--watch follows the log of the run that holds the lock, and never affects that run. Needs root.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/status-schema.ts')).statusSchema),
  ],
  examples: [
    ['status', 'shows versions, steps, backups, pods and health'],
    ['status --wait 600 --exit-code', 'waits up to ten minutes for a healthy product, e.g. after a reboot'],
    ['status --watch', 'follows a run whose terminal was lost, until it ends'],
    ['status --json', 'the same for scripts'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'nothing_to_do', 'interrupted', 'terminated'],
  exitMeanings: {
    failed: 'with --exit-code or --wait: the product is not healthy, or that is not known',
    nothing_to_do: 'with --exit-code or --wait: nothing is installed',
  },
};
