import { causeChain } from '../errors.ts';
import { haltedNow, type HaltedBy, type HaltPorts, startCommand, startWorkloads } from '../release/halt.ts';
import { idOf } from '../release/workloads.ts';
import type { Session } from '../session/session.ts';

const limitMs = 120_000;

/**
 * Starts what a run has halted that ends without having changed anything: nobody would start it otherwise.
 * Tells what is true after it, `so` first; returns whether nothing is halted any more. Throws nothing.
 */
export async function startAgain(
  { product, reporter, insist, program }: Session,
  { kubectl, by, so }: Pick<HaltPorts, 'kubectl'> & { by: HaltedBy; so: string },
): Promise<boolean> {
  // The run's own signal may have ended it.
  const signal = AbortSignal.any([insist, AbortSignal.timeout(limitMs)]);
  const ports = { kubectl, product, signal };
  try {
    const { started, changed, failed } = await startWorkloads(ports, { by });
    if (started.length > 0)
      reporter.warn(`${so}: ${started.map(idOf).join(', ')} was halted, and is started again`);
    if (changed.length > 0) reporter.warn(`${changed.join(', ')}: somebody has started it meanwhile`);
    if (failed.length === 0) return true;
    const left = (await haltedNow(ports)).filter((one) => one.by === by);
    const why = failed.map(({ id, why: of }) => `${id}: ${of}`).join('; ');
    reporter.warn(`halted, and not started again (${why}); to start it: ${startCommand(left, product)}`);
  } catch (error) {
    const why = causeChain(error)[0] ?? '';
    reporter.warn(
      `what was halted may not be started again (${why}); what is halted, and what starts it: ` +
        `${program} status`,
    );
  }
  return false;
}
