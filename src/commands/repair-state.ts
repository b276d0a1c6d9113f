import { runRepairState } from '../flows/repair-state/repair-state.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { guardedOutput } from '../ui/output.ts';
import type { Command } from './command.ts';
import { terminalConfirm } from '../ui/confirm.ts';

/** `repair-state`: makes a lost, damaged or untrue state anew from what the host itself says. */
export const repairState: Command = {
  options: [
    { flags: '--dry-run', summary: 'show what would be written, and write nothing' },
    { flags: '--yes', summary: 'answer yes instead of asking' },
    {
      flags: '--json',
      summary: 'print one event a line as JSON (docs/events.md; the last one: docs/json.md)',
    },
  ],
  touches: [
    "Asks the cluster what runs (Helm's records, labels of namespace and volume, the database's schema " +
      'version), looks at the chart on disk and at the copies of the state in backups, and proposes the state ' +
      'that is true of this host: after state.json was lost or damaged, after a restore by hand, or when ' +
      "Helm's only record is gone. It shows the proposal and asks. Needs root.",
    'What was there is kept beside the new file. A values file that is missing is written anew from the ' +
      'release. Nothing else is changed: no pod, no release, no backup.',
    "Only for what this installer made; an unmounted disk, a version that the database's schema " +
      'contradicts, and a state of a newer program are refused.',
  ],
  examples: [
    ['repair-state --dry-run', 'says what the host says, and which state follows from it'],
    ['repair-state', 'shows it, asks, and writes it'],
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
          confirm: terminalConfirm(signal),
        },
      );
      renderer.handle({ type: 'result', at: new Date().toISOString(), lines, data });
    } finally {
      renderer.close();
    }
  },
};
