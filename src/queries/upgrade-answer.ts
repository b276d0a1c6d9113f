import { healthStepId } from '../release/health-route.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Again } from '../policy/again.ts';
import { runEnd } from '../policy/run-end.ts';
import { decideUpgrade, type UpgradeDecision } from '../policy/upgrade-policy.ts';
import { runToMind } from '../release/uninstall-record.ts';
import type { StatusReport } from './status-schema.ts';

/** The status without what is judged from it. */
export type StatusFacts = Omit<StatusReport, 'upgrade'>;

type Answer = StatusReport['upgrade'];

interface Target {
  program: string;
  /** SHA-256 of this executable's payload. */
  payloadDigest: string;
  limits: Product['versions'];
}

/** One thing that stands against an upgrade, or that nobody knows. */
interface Reason {
  kind: 'no' | 'unknown';
  text: string;
  hint: string | undefined;
}

/**
 * "May I upgrade?", from what the status knows: the most certain reason comes first. What is not known is
 * never a yes, and never healthy.
 */
export function upgradeAnswer(facts: StatusFacts, target: Target): Answer {
  const against = [...stateReasons(facts, target), ...policyReasons(facts, target)];
  const health = healthReasons(facts, target);
  const installed = isInstalled(facts);
  const found = installed === false ? against : [...against, ...health];
  const reasons = found.length > 0 ? found : installedReasons(facts, target);
  const first = reasons.find(({ kind }) => kind === 'no') ?? reasons[0];
  return {
    may: first?.kind ?? 'yes',
    why: [...new Set([first, ...reasons].flatMap((reason) => reason?.text ?? []))],
    hint: first?.hint ?? null,
    installed,
    healthy: health.length === 0 ? true : health.some(({ kind }) => kind === 'no') ? false : null,
    unhealthy: health.map(({ text }) => text),
  };
}

/** False: nothing is there, of ours or of others. Null: an install has not completed, or nobody knows. */
function isInstalled({ state, release }: StatusFacts): boolean | null {
  if (!state.known) return null;
  if (state.value?.installed !== undefined) return true;
  if (state.value?.run !== undefined) return null;
  return release.known && release.value === null ? false : null;
}

function stateReasons(facts: StatusFacts, { program }: Target): Reason[] {
  const { state, host, running, waysOut } = facts;
  if (running !== null) {
    const text = `"${running.command}" is running (process ${running.pid})`;
    return [{ kind: 'no', text, hint: `${program} status --watch` }];
  }
  if (host !== null) return [{ kind: 'no', text: host.advice.message, hint: host.advice.hint }];
  if (!state.known) return [{ kind: 'unknown', text: `state not known: ${state.why}`, hint: state.hint }];
  const { installed } = state.value ?? {};
  const run = runToMind(state.value ?? {});
  if (run !== undefined && (run.status === 'running' || run.status === 'failed')) {
    const text = `the last run, ${run.flow} of ${run.to}, ${runEnd(run, false)}`;
    return [{ kind: 'no', text, hint: waysOut?.forward ?? undefined }];
  }
  if (installed !== undefined) return [];
  return [{ kind: 'no', text: 'no install has completed', hint: `${program} install --help` }];
}

/** What the version policy says of this executable; of the file that is installed it says nothing. */
function policyReasons(facts: StatusFacts, target: Target): Reason[] {
  const decision = judged(facts, target);
  return decision?.kind === 'refused' ? [{ kind: 'no', text: decision.message, hint: decision.hint }] : [];
}

/** A host on which all is well, asked by the file that is installed: what is wrong comes before that. */
function installedReasons(facts: StatusFacts, target: Target): Reason[] {
  const decision = judged(facts, target);
  if (decision?.kind !== 'nothing-to-do') return [];
  const { waysOut } = facts;
  if (waysOut?.nothingRemoved === true) {
    const text = `${decision.message}, and its uninstall ended before it removed anything`;
    const hint = `to uninstall it all the same: ${waysOut.forward}; ${decision.hint}`;
    return [{ kind: 'no', text, hint }];
  }
  const hint = `for a newer release use its own file; ${decision.hint}`;
  return [{ kind: 'no', text: decision.message, hint }];
}

/** The decision of an upgrade by this executable; undefined where no completed install is known. */
export function judged(
  { state, payloadVersion }: Pick<StatusFacts, 'state' | 'payloadVersion'>,
  target: Target,
): UpgradeDecision | undefined {
  if (!state.known || state.value?.installed === undefined) return undefined;
  const { installed, anchors, helm } = state.value;
  const { program, payloadDigest, limits } = target;
  const again: Again = ({ add = [] } = {}) => [program, 'install', '--upgrade', ...add].join(' ');
  return decideUpgrade({
    command: program,
    again,
    installed,
    lastRun: undefined,
    target: { version: payloadVersion, payloadDigest },
    anchored: Object.keys(anchors),
    releaseGone: readHelmJournal(helm).emptied === true,
    schemaNow: undefined,
    flags: { reapply: false, acceptUnsupported: false, supersede: false },
    limits,
  });
}

/** Release, pods, health routes and database, as far as they were asked. */
function healthReasons(facts: StatusFacts, { program }: Target): Reason[] {
  const { state, release, halted, pods, health, schema } = facts;
  const unknown = (what: string, asked: { why: string; hint?: string | undefined }): Reason => ({
    kind: 'unknown',
    text: `${what} not known: ${asked.why}`,
    hint: asked.hint,
  });
  const no = (text: string): Reason => ({ kind: 'no', text, hint: `${program} support-bundle` });
  if (!release.known) return [unknown('the cluster is', release)];
  if (release.value === null) return [no('there is no Helm release')];
  const { revision, status } = release.value;
  const waived = new Set((state.known ? state.value?.installed?.waived : undefined)?.map(({ step }) => step));
  const isWaived = (id: string) =>
    (['install', 'upgrade', 'restore'] as const).some((flow) => waived.has(healthStepId(flow, id)));
  const due = pods.known ? pods.value.filter(({ ends }) => !ends) : [];
  const down = halted.known ? halted.value : null;
  return [
    ...(down === null ? [] : [{ ...no(down.text), hint: down.start ?? undefined }]),
    ...(status === 'deployed' ? [] : [no(`Helm's revision ${revision} is ${status}`)]),
    ...(!pods.known ? [unknown('the pods are', pods)] : []),
    ...(pods.known && due.length === 0 ? [no('there are no pods')] : []),
    ...due.filter(({ ready }) => !ready).map(({ name, phase }) => no(`${name} is not ready (${phase})`)),
    ...(!health.known
      ? [unknown('the health routes are', health)]
      : health.value
          .filter(({ id, healthy }) => !healthy && !isWaived(id))
          .map(({ title, answer }) => no(`${title}: ${answer}`))),
    ...(schema !== null && !schema.known ? [unknown('the database is', schema)] : []),
  ];
}
