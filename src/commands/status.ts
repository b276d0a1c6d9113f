import { watchRun } from '../queries/watch-run.ts';
import { answer, assertStdoutOpen, assertWritten } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { guardedOutput, terminalWidth } from '../ui/output.ts';
import { queryStatus } from '../queries/status.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';
import { statusLines } from '../ui/status-text.ts';

/** `status`: what is installed, the last run and the health of the product. */
export const status: Command = {
  options: [
    { flags: '--watch', summary: 'follow the active run from its first event to its end' },
    {
      flags: '--json',
      summary: 'print one JSON object (docs/json.md); with --watch one event per line (docs/events.md)',
    },
  ],
  touches: [
    'Reads the installer state, queries the cluster and the health routes, and changes nothing. When the ' +
      'cluster is down, or without root, it shows the rest, ' +
      'reports what it could not read, and still exits 0.',
    '--watch follows the log of the run that holds the lock, and never affects that run. Needs root.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/status-schema.ts')).statusSchema),
  ],
  examples: [
    ['status', 'shows versions, steps, backups, pods and health'],
    ['status --watch', 'follows a run whose terminal was lost, until it ends'],
    ['status --json', 'the same for scripts'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  async run(invocation) {
    const { json, options } = invocation;
    if (options.watch === true) return watch(invocation);
    const report = await queryStatus({
      signal: invocation.signal,
      program: invocation.program,
    });
    const text = json ? JSON.stringify(report) : statusLines(report, terminalWidth()).join('\n');
    assertStdoutOpen();
    await answer(`${text}\n`, invocation.signal);
  },
};

async function watch({ json, signal, program, again }: Invocation): Promise<void> {
  const output = guardedOutput(process.stdout);
  const renderer = chooseRenderer(output, { json, env: process.env });
  try {
    const result = await watchRun({ emit: renderer.handle, signal, program, again });
    renderer.handle({ type: 'result', at: new Date().toISOString(), ...result });
    await assertWritten(output, signal);
  } finally {
    renderer.close();
  }
}
