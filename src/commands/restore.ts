import { discardMoved } from '../flows/restore/discard.ts';
import { restoreFlow } from '../flows/restore/flow.ts';
import { runFlow } from '../flows/run-flow.ts';
import { assertWritten } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { guardedOutput } from '../ui/output.ts';
import { planLines } from '../ui/plan-text.ts';
import { loadablePrompter } from '../ui/load-prompter.ts';
import { type Command, type Invocation, textOf } from './command.ts';
import { restoreHelp } from './restore-help.ts';

async function run(invocation: Invocation): Promise<void> {
  const { args, options, json, signal, secondSignal, program, again } = invocation;
  const output = guardedOutput(process.stdout);
  const renderer = chooseRenderer(output, { json, env: process.env });
  const emit = renderer.handle;
  const confirm = typeof options.confirm === 'string' ? options.confirm : undefined;
  const ports = {
    emit,
    signal,
    insist: secondSignal,
    program,
    again,
    confirm: terminalConfirm(signal, again),
    prompter: loadablePrompter(signal, again),
  };
  const dryRun = options.dryRun === true;
  try {
    const { lines, data, plan, refusal } = await (options.discard === true
      ? discardMoved({ confirm, dryRun }, ports)
      : runFlow(
          restoreFlow,
          {
            backup: args[0],
            dumpVersion: textOf(options.dumpVersion),
            dumpSchema: schemaOf(options),
            package: textOf(options.package),
            confirm,
            dataOnly: options.dataOnly === true,
            chartOnly: options.chartOnly === true,
            skipBackup: options.skipBackup === true,
            undo: options.undo === true,
            waive: Array.isArray(options.waive) ? (options.waive as string[]) : [],
            dryRun,
            preflightOnly: false,
            reverify: false,
          },
          ports,
        ));
    const shown = plan === undefined ? lines : planLines(plan, output.isTerminal ? output.columns : 80);
    emit({ type: 'result', at: new Date().toISOString(), lines: shown, data });
    if (refusal !== undefined) throw refusal;
    if (dryRun) await assertWritten(output, signal);
  } finally {
    renderer.close();
  }
}

function schemaOf({ dumpSchema }: Invocation['options']): number | undefined {
  const text = textOf(dumpSchema);
  return text === undefined ? undefined : Number(text);
}

/** `restore`: goes back to the release and the data of a backup, and keeps what was there. */
export const restore: Command = { ...restoreHelp, run };
