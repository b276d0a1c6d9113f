import { queryStatus } from '../flows/status_query.ts';
import type { Command } from './command.ts';
import { statusLines } from './status-text.ts';

/** `status`: what is installed, how the last run went, and how the product is. */
export const status: Command = {
  options: [{ flags: '--json', summary: 'print one JSON object' }],
  touches:
    'Reads the installer state, asks the cluster and the health routes; changes nothing. When the cluster is down, or without root, it shows the rest, says what it could not read, and still exits 0.',
  examples: [
    ['status', 'shows versions, steps, backups, pods and health'],
    ['status --json', 'the same for programs'],
  ],
  exits: ['usage', 'payload'],
  async run({ json }) {
    const report = await queryStatus();
    const text = json ? JSON.stringify(report) : statusLines(report).join('\n');
    process.stdout.write(`${text}\n`);
  },
};
