import { watchRun } from '../queries/watch-run.ts';
import { answer, assertStdoutOpen, assertWritten } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { guardedOutput, terminalWidth } from '../ui/output.ts';
import { unhealthyError, waitUntilHealthy } from '../queries/wait-healthy.ts';
import { queryStatus } from '../queries/status.ts';
import type { Command, Invocation } from './command.ts';
import { printable } from '../ui/sanitize.ts';
import { statusHelp } from './status-help.ts';
import { secondsOf } from './wait-flag.ts';
import { statusLines } from '../ui/status-text.ts';

/** `status`: what is installed, the last run and the health of the product. */
export const status: Command = {
  ...statusHelp,
  check: ({ options, program }) => void secondsOf(options.wait, program),
  async run(invocation) {
    const { json, options, signal, program } = invocation;
    if (options.watch === true) return watch(invocation);
    const seconds = secondsOf(options.wait, program);
    const tell = (line: string) => process.stderr.write(`${printable(line)}\n`);
    const report =
      seconds === undefined
        ? await queryStatus({ signal, program })
        : await waitUntilHealthy({ signal, program }, { seconds, tell });
    const isStrict = options.exitCode === true || seconds !== undefined;
    const refusal = isStrict ? unhealthyError(report, program) : undefined;
    const text = json ? JSON.stringify(report) : statusLines(report, terminalWidth()).join('\n');
    assertStdoutOpen();
    await answer(`${text}\n`, signal);
    if (refusal !== undefined) throw refusal;
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
