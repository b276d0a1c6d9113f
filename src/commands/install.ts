import { installFlow } from '../flows/install/flow.ts';
import { printedAnswers } from '../flows/install/print-answers.ts';
import { rehearseFlow } from '../flows/rehearse/flow.ts';
import { rollbackFlow } from '../flows/rollback/flow.ts';
import { runFlow } from '../flows/run-flow.ts';
import { answer, assertStdoutOpen, assertWritten } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { loadablePrompter } from '../ui/load-prompter.ts';
import { guardedOutput } from '../ui/output.ts';
import { planLines } from '../ui/plan-text.ts';
import type { Command, Invocation } from './command.ts';
import { checkFlags, freshOptions, installFlags, rollbackOptions, upgradeOptions } from './install-flags.ts';
import { installHelp } from './install-help.ts';
import { offerActivation, upgradeAndActivate } from './upgrade-and-activate.ts';

async function run(invocation: Invocation): Promise<void> {
  const { options, json, signal, secondSignal, program, again } = invocation;
  const output = guardedOutput(process.stdout);
  const allChecks = options.verbose === true || options.preflightOnly === true;
  const renderer = chooseRenderer(output, { json, env: process.env, allChecks });
  const emit = renderer.handle;
  const at = () => new Date().toISOString();
  const ports = {
    emit,
    signal,
    insist: secondSignal,
    program,
    again,
    confirm: terminalConfirm(signal, again),
    prompter: loadablePrompter(signal, again),
  };
  try {
    if (options.upgrade === true && options.acceptDataLoss === true) {
      const line = '--accept-data-loss is not used by --upgrade, which never deletes data';
      emit({ type: 'message', at: at(), level: 'warning', line });
    }
    if (options.printAnswers === true) {
      const { text, data } = await printedAnswers(freshOptions(options), ports);
      assertStdoutOpen();
      return await answer(json ? `${JSON.stringify(data)}\n` : text, signal);
    }
    const { lines, data, plan, refusal } = await (options.rehearse === true
      ? runFlow(rehearseFlow, upgradeOptions(options, again), ports)
      : options.upgrade === true
        ? upgradeAndActivate(invocation, ports)
        : options.rollbackTo !== undefined
          ? runFlow(rollbackFlow, rollbackOptions(options), ports)
          : runFlow(installFlow, freshOptions(options), ports));
    const text = plan === undefined ? lines : planLines(plan, output.isTerminal ? output.columns : 80);
    emit({ type: 'result', at: at(), lines: text, data });
    if (refusal !== undefined) throw refusal;
    await offerActivation(invocation, ports, (line) =>
      emit({ type: 'message', at: at(), level: 'info', line }),
    );
    // These two only report: output that was lost is their failure.
    if (options.dryRun === true || options.preflightOnly === true) await assertWritten(output, signal);
  } finally {
    renderer.close();
  }
}

export const install: Command = {
  options: installFlags,
  ...installHelp,
  check: checkFlags,
  run,
};
