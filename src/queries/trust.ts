import type { State } from '../engine/state.ts';
import { readState } from '../engine/state.ts';
import { assertProduct } from '../engine/whose-state.ts';
import { causeChain } from '../errors.ts';
import type { Again } from '../policy/again.ts';
import { NoPayload } from '../payload/locate.ts';
import type { Payload } from '../payload/reader.ts';
import { openPayload } from '../payload/open-payload.ts';
import { handedOverBy, signerOf } from '../payload/format/signature.ts';
import {
  decideTrust,
  refusedTrust,
  type TrustDecision,
  type TrustFacts,
  uncompared,
} from '../policy/trust.ts';
import { productPaths } from '../release/product-paths.ts';

/** What a file is compared with: the installed release or, without a state, the running program. */
export interface TrustCarrier extends Pick<TrustFacts, 'known' | 'carrier' | 'productToFollow'> {
  /** The release that a file is compared with; undefined where there is none. */
  release: { version: string; payloadDigest: string } | undefined;
  /** Where that was read: the state file, or this program. */
  source: string;
  /** Why it was not read from the state; absent when it was. */
  insteadOfState?: string;
}

type Installed = NonNullable<State['installed']>;

/** The installed release; `path` is the state file with it. */
export const installedCarrier = (product: string, installed: Installed, path: string): TrustCarrier => ({
  known: installed.key,
  carrier: `the installed release ${installed.version}`,
  productToFollow: product,
  release: installed,
  source: path,
});

/** The carrier of a program without a payload: it knows no product and no key. */
const withoutPayload: TrustCarrier = {
  known: undefined,
  carrier: 'this program, which has no payload',
  productToFollow: undefined,
  release: undefined,
  source: 'this program',
};

/** The carrier for another file. */
export async function trustCarrier(): Promise<TrustCarrier> {
  const own = await openPayload().catch((error: unknown) => {
    if (error instanceof NoPayload) return undefined;
    throw error;
  });
  if (own === undefined) return withoutPayload;
  try {
    const product = await own.product();
    const path = productPaths(product).state;
    const read = await readState(path)
      .then((state) => {
        assertProduct(state, path, product.name);
        return state;
      })
      .catch((error: unknown) => causeChain(error)[0] ?? 'it cannot be read');
    if (typeof read === 'object' && read.installed !== undefined)
      return installedCarrier(read.product, read.installed, path);
    return {
      known: signerOf(own.trailer),
      carrier: `this program, ${own.identity.command} ${own.identity.version}`,
      productToFollow: product.name,
      release: { version: own.identity.version, payloadDigest: own.digest },
      source: 'this program',
      insteadOfState: typeof read === 'string' ? read : `${path} records no completed install`,
    };
  } finally {
    await own.close();
  }
}

/** A trust decision with its facts. */
export interface Trust {
  facts: TrustFacts;
  decision: TrustDecision;
}

/** Judges a payload by its carrier of trust. */
export function judge(
  { trailer, identity }: Payload,
  { known, carrier, productToFollow }: TrustCarrier,
  also: Pick<TrustFacts, 'named' | 'begun'>,
): Trust {
  const facts: TrustFacts = {
    known,
    carrier,
    productToFollow,
    product: identity.product,
    signer: signerOf(trailer),
    // A hand-over counts only for the product that is followed, whatever product the file names.
    handedOverBy: handedOverBy(trailer, productToFollow ?? identity.product),
    ...also,
  };
  return { facts, decision: decideTrust(facts) };
}

/**
 * Throws IvaapError `payload` unless the file is trusted; `command` is what was typed, without `--trust-key`.
 */
export function assertTrusted(file: string, { facts, decision }: Trust, again: Again): void {
  if (decision.kind === 'refused') throw refusedTrust(file, decision, facts, again);
}

/** The same for `verify FILE`: there, a key that could not be compared is not trusted. */
export function assertCompared(file: string, trust: Trust, again: Again): void {
  assertTrusted(file, trust, again);
  const because = uncompared(trust.facts);
  if (because !== undefined) throw refusedTrust(file, { because }, trust.facts, again);
}
