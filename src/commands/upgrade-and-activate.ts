import { causeChain, IvaapError } from '../errors.ts';
import { activate, activationOffer, assertCanActivate } from '../flows/activate/activate.ts';
import type { FlowResult } from '../flows/flow.ts';
import { runFlow } from '../flows/run-flow.ts';
import { upgradeFlow } from '../flows/upgrade/flow.ts';
import type { ActivateResult } from '../queries/activate-schema.ts';
import { activateLines } from '../ui/activate-text.ts';
import type { Invocation } from './command.ts';
import { upgradeOptions } from './install-flags.ts';
import { shareFiles } from './share-files.ts';

type Ports = Parameters<typeof activate>[1];

const changesTheHost = ({ options }: Invocation): boolean =>
  options.dryRun !== true && options.preflightOnly !== true;

/**
 * The upgrade; with `--activate` the new version is on PATH at its end. What stands against that is thrown
 * before the upgrade starts; a failure after it is the result's `refusal`.
 */
export async function upgradeAndActivate(invocation: Invocation, ports: Ports): Promise<FlowResult> {
  const { options, again, tables } = invocation;
  const upgrade = upgradeOptions(options, again);
  if (options.activate !== true) return runFlow(upgradeFlow, upgrade, ports);
  await assertCanActivate(upgrade, ports, shareFiles(tables));
  const result = await runFlow(upgradeFlow, upgrade, ports);
  if (!changesTheHost(invocation)) return result;
  try {
    const activation = await activated(invocation, ports, { copy: false });
    const lines = [...result.lines, ...activateLines(activation)];
    return { ...result, lines, data: { ...result.data, activation: { ...activation } } };
  } catch (error) {
    return { ...result, refusal: error as IvaapError };
  }
}

/** After an upgrade, asks on a terminal whether its version shall be on PATH; `say` shows a line. */
export async function offerActivation(
  invocation: Invocation,
  ports: Ports,
  say: (line: string) => void,
): Promise<void> {
  const { options, json, program, tables } = invocation;
  const { confirm } = ports;
  const upgraded = options.upgrade === true && options.rehearse !== true;
  const isAsked = upgraded && options.activate === undefined && options.yes !== true;
  if (!isAsked || !changesTheHost(invocation) || json || confirm === undefined) return;
  let question: string | undefined;
  try {
    question = await activationOffer(ports, shareFiles(tables));
  } catch (error) {
    if (ports.signal.aborted) throw notOnPath(ports.signal.reason, program);
    const why = causeChain(error)[0] ?? '';
    say(`Not offered to put this version on PATH: ${why}. To see more: ${program} activate`);
    return;
  }
  if (question === undefined) return;
  const yes = await confirm(question).catch((error: unknown) => {
    throw notOnPath(error, program);
  });
  if (!yes) return;
  for (const line of activateLines(await activated(invocation, ports, { copy: true }))) say(line);
}

async function activated(
  { program, tables }: Invocation,
  ports: Ports,
  { copy }: { copy: boolean },
): Promise<ActivateResult> {
  try {
    return await activate({ copy, trustKey: undefined }, ports, shareFiles(tables));
  } catch (error) {
    throw notOnPath(error, program);
  }
}

/** What ends an activation leaves the upgrade complete: only the activation is to be typed again. */
function notOnPath(error: unknown, program: string): IvaapError {
  const hint = `${program} activate`;
  if (error instanceof IvaapError && (error.code === 'interrupted' || error.code === 'terminated'))
    return new IvaapError(error.code, 'the upgrade has completed; putting it on PATH was stopped', { hint });
  const why = causeChain(error)[0] ?? '';
  return new IvaapError('failed', `the upgrade has completed, but it was not put on PATH: ${why}`, {
    cause: error,
    hint,
  });
}
