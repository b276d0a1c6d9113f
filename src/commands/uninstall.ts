import { runFlow } from '../flows/run-flow.ts';
import { uninstallFlow } from '../flows/uninstall/flow.ts';
import { assertWritten } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { guardedOutput } from '../ui/output.ts';
import { planLines } from '../ui/plan-text.ts';
import { type Command, type Invocation, textOf } from './command.ts';
import { uninstallHelp } from './uninstall-help.ts';

async function run({ options, json, signal, secondSignal, program, again }: Invocation): Promise<void> {
  const output = guardedOutput(process.stdout);
  const renderer = chooseRenderer(output, { json, env: process.env });
  const emit = renderer.handle;
  try {
    const { lines, data, plan, refusal } = await runFlow(
      uninstallFlow,
      {
        confirm: textOf(options.confirm),
        dumpTo: textOf(options.dumpTo),
        keepData: options.keepData === true,
        skipBackup: options.skipBackup === true,
        deleteBackups: options.deleteBackups === true,
        withoutCluster: options.withoutCluster === true,
        dryRun: options.dryRun === true,
        preflightOnly: false,
        reverify: false,
      },
      { emit, signal, insist: secondSignal, program, again, confirm: terminalConfirm(signal, again) },
    );
    const shown = plan === undefined ? lines : planLines(plan, output.isTerminal ? output.columns : 80);
    emit({ type: 'result', at: new Date().toISOString(), lines: shown, data });
    if (refusal !== undefined) throw refusal;
    if (options.dryRun === true) await assertWritten(output, signal);
  } finally {
    renderer.close();
  }
}

/** `uninstall`: removes the product from this host, after a last dump. */
export const uninstall: Command = { ...uninstallHelp, run };
