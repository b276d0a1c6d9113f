import { runRepairState } from '../flows/repair-state/repair-state.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { guardedOutput } from '../ui/output.ts';
import type { Command } from './command.ts';
import { terminalConfirm } from '../ui/confirm.ts';

/** `repair-state`: rebuilds a lost, damaged or wrong state from what is found on the host. */
export const repairState: Command = {
  options: [
    { flags: '--dry-run', summary: 'show what would be written, and write nothing' },
    { flags: '--yes', summary: 'answer yes to every question' },
    {
      flags: '--json',
      summary: 'print one JSON event per line (docs/events.md; the last one: docs/json.md)',
    },
  ],
  touches: [
    "Reads Helm's records, the labels of namespace and volume and the database's schema version from the " +
      'cluster, and the chart and the copies of the state from ' +
      'the disk. Proposes the state that matches this ' +
      'host, shows it and asks before it writes. Use it when ' +
      'state.json was lost or damaged, after a manual ' +
      "restore, or when Helm's only record is gone. Needs root.",
    'The old state is kept next to the new one. A missing values file is written again from the release. ' +
      'Nothing else is changed: no pod, no release, no backup.',
    'Works only for an installation that this installer made. Refused while a disk is not mounted, for a ' +
      "version that the database's schema contradicts, and for a state that a newer program wrote.",
  ],
  examples: [
    ['repair-state --dry-run', 'shows what was found on this host, and the state that would be written'],
    ['repair-state', 'shows the same, asks, and writes the state'],
  ],
  exits: [
    'declined',
    'usage',
    'preflight',
    'payload',
    'version',
    'failed',
    'locked',
    'interrupted',
    'terminated',
  ],
  async run({ json, options, signal, secondSignal, program, again }) {
    const renderer = chooseRenderer(guardedOutput(process.stdout), { json, env: process.env });
    try {
      const { lines, data } = await runRepairState(
        { dryRun: options.dryRun === true, yes: options.yes === true },
        {
          emit: renderer.handle,
          signal,
          insist: secondSignal,
          program,
          again,
          confirm: terminalConfirm(signal, again),
        },
      );
      renderer.handle({ type: 'result', at: new Date().toISOString(), lines, data });
    } finally {
      renderer.close();
    }
  },
};
