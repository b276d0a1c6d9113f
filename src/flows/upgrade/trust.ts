import type { Journal } from '../../engine/journal.ts';
import type { State } from '../../engine/state.ts';
import type { TrustDecision } from '../../policy/trust.ts';
import { assertTrusted, installedCarrier, judge, type Trust } from '../../queries/trust.ts';
import type { Session } from '../../session/session.ts';

/**
 * Whether the file that runs may follow the installed release: throws IvaapError `payload` before anything is
 * changed. A file with another key than the installed release's is reported, also in the log of the run.
 */
export function trustUpgrade(
  { payload, again, reporter }: Session,
  { product, installed, run }: Readonly<State>,
  trustKey: string | undefined,
): Trust | undefined {
  if (installed === undefined) return undefined;
  const unfinished = run?.status === 'running' || run?.status === 'failed';
  const trust = judge(payload, installedCarrier(product, installed, ''), {
    named: trustKey,
    begun: unfinished ? run.key : undefined,
  });
  assertTrusted(payload.displayName, trust, again);
  const { how, because } = trust.decision as TrustDecision & { kind: 'trusted' };
  if (how !== 'same') {
    reporter.warn(`${payload.displayName} is trusted: it is ${because}`);
  }
  return trust;
}

/** Records who accepted which key, and how; nothing for the installed release's own key. */
export async function recordTrust(
  journal: Journal,
  trust: Trust | undefined,
  { by, run }: { by: string; run: string },
): Promise<void> {
  if (trust?.decision.kind !== 'trusted') return;
  const { how } = trust.decision;
  const { known: from, signer: to } = trust.facts;
  if (how === 'same' || how === 'begun') return;
  await journal.update((draft, at) => {
    draft.trusted ??= [];
    if (draft.trusted.some((one) => one.run === run && one.to === to)) return;
    draft.trusted.push({ by, at, run, from, to, how });
  });
}
