import type { Journal } from '../engine/journal.ts';
import type { State } from '../engine/state.ts';
import { readState } from '../engine/state.ts';
import { causeChain } from '../errors.ts';
import { NoPayload } from '../payload/locate.ts';
import type { Payload } from '../payload/reader.ts';
import { openPayload } from '../payload/open-payload.ts';
import { handedOverBy, signerOf } from '../payload/signature.ts';
import { decideTrust, refusedTrust, type TrustDecision, type TrustFacts } from '../policy/trust.ts';
import { productPaths } from '../steps/paths.ts';
import type { FlowPorts } from './session.ts';

/** What a file is compared with: the release that is installed, or where no state says so the program that is running. */
export interface TrustCarrier extends Pick<TrustFacts, 'known' | 'carrier'> {
  /** Where that was read: the state file, or this program. */
  source: string;
  /** Why the state did not say it; absent when it did. */
  insteadOfState?: string;
}

type Installed = NonNullable<State['installed']>;

const installedCarrier = ({ version, key }: Installed, path: string): TrustCarrier => ({
  known: key,
  carrier: `the installed release ${version}`,
  source: path,
});

/** The carrier for another file; undefined when nothing was packed onto this program. */
export async function trustCarrier(): Promise<TrustCarrier | undefined> {
  const own = await openPayload().catch((error: unknown) => {
    if (error instanceof NoPayload) return undefined;
    throw error;
  });
  if (own === undefined) return undefined;
  try {
    const path = productPaths(await own.product()).state;
    const read = await readState(path).catch((error: unknown) => causeChain(error)[0] ?? 'it cannot be read');
    if (typeof read === 'object' && read.installed !== undefined)
      return installedCarrier(read.installed, path);
    return {
      known: signerOf(own.trailer),
      carrier: `this program, ${own.identity.command} ${own.identity.version}`,
      source: 'this program',
      insteadOfState: typeof read === 'string' ? read : `no completed install on this host: ${path} has none`,
    };
  } finally {
    await own.close();
  }
}

/** A trust decision with what it was made from. */
export interface Trust {
  facts: TrustFacts;
  decision: TrustDecision;
}

/** Judges a payload by its carrier of trust. */
export function judge(
  { trailer, identity }: Payload,
  { known, carrier }: Pick<TrustCarrier, 'known' | 'carrier'>,
  also: Pick<TrustFacts, 'named' | 'begun'>,
): Trust {
  const facts: TrustFacts = {
    known,
    carrier,
    signer: signerOf(trailer),
    handedOverBy: handedOverBy(trailer, identity.product),
    ...also,
  };
  return { facts, decision: decideTrust(facts) };
}

/** Throws IvaapError `payload` unless the file is trusted; `command` is what was typed, without `--trust-key`. */
export function assertTrusted(file: string, { facts, decision }: Trust, command: string): void {
  if (decision.kind === 'refused') throw refusedTrust(file, decision, facts, command);
}

/**
 * Whether the file that runs may follow the installed release: throws IvaapError `payload` before anything is changed. What was let in
 * without the installed release's own key is told, and so in the log of the run.
 */
export function trustUpgrade(
  payload: Payload,
  { installed, run }: Readonly<State>,
  trustKey: string | undefined,
  { program, emit }: Pick<FlowPorts, 'program' | 'emit'>,
): Trust | undefined {
  if (installed === undefined) return undefined;
  const command = `${program} install --upgrade`;
  const unfinished = run?.status === 'running' || run?.status === 'failed';
  const { known, carrier } = installedCarrier(installed, '');
  const trust = judge(
    payload,
    { known, carrier },
    {
      named: trustKey,
      begun: unfinished ? run.key : undefined,
    },
  );
  assertTrusted(payload.spokenName, trust, command);
  const { how, because } = trust.decision as TrustDecision & { kind: 'trusted' };
  if (how !== 'same') {
    const line = `${payload.spokenName} is trusted: it is ${because}`;
    emit({ type: 'message', at: new Date().toISOString(), level: 'warning', line });
  }
  return trust;
}

/** Who let which key in, and how; nothing where it is the key that was there. */
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
    draft.trusted.push({ by, at, run, ...(from === undefined ? {} : { from }), to, how });
  });
}
