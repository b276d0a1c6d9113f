import { IvaapError } from '../errors.ts';
import type { Again } from './again.ts';

/**
 * Whether a file may follow what is trusted already. One decision for everybody who lets a file in (an
 * upgrade, a `verify` of another file); nothing is looked up here.
 */
export interface TrustFacts {
  /**
   * Fingerprint of the key that the file has to follow; null: that was unsigned; undefined: nobody recorded
   * it.
   */
  known: string | null | undefined;
  /** Whose key that is, in messages: `the installed release`. */
  carrier: string;
  /** The product that a file has to be of; undefined when there is nothing to follow. */
  productToFollow: string | undefined;
  /** The product that the file says it is of. */
  product: string;
  /** Fingerprint of the file's key; null when it is unsigned. Its signature has been checked. */
  signer: string | null;
  /** Fingerprints of older keys whose hand-over to the file's key holds for the product to follow. */
  handedOverBy: readonly string[];
  /** `--trust-key`: a fingerprint or `unsigned`. */
  named?: string;
  /** The key under which an unfinished run was started: it was accepted then. */
  begun?: string | null;
}

/** How a file came to be trusted: `first` and `signed` had no key to be compared with. */
export type TrustedHow = 'same' | 'first' | 'signed' | 'handed over' | 'named' | 'begun';

export type TrustDecision =
  | { kind: 'trusted'; how: TrustedHow; because: string }
  | { kind: 'refused'; because: string; anotherProduct?: true };

const keyName = (key: string | null) => key ?? 'unsigned';
/** `signed by FINGERPRINT`, or `unsigned`. */
export const signedBy = (key: string | null) => (key === null ? 'unsigned' : `signed by ${key}`);

/**
 * The table of trust, the first line that fits. Another product comes first: no key and no hand-over is for
 * it. Then `--trust-key`: a file of another key than the one it names is never meant.
 */
export function decideTrust(facts: TrustFacts): TrustDecision {
  const { known, carrier, productToFollow, product, signer, handedOverBy, named, begun } = facts;
  const trusted = (how: TrustedHow, because: string): TrustDecision => ({ kind: 'trusted', how, because });
  if (productToFollow !== undefined && product !== productToFollow) {
    const because = `it belongs to the product ${product}, and ${carrier} to ${productToFollow}`;
    return { kind: 'refused', because, anotherProduct: true };
  }
  if (named !== undefined && named !== keyName(signer)) {
    return {
      kind: 'refused',
      because: `it is ${signedBy(signer)}, which is not what --trust-key names (${named})`,
    };
  }
  if (known !== undefined && known === signer) {
    const same = signer === null ? `unsigned, as ${carrier} is` : `signed by the key of ${carrier}`;
    return trusted('same', same);
  }
  if (named !== undefined) return trusted('named', `${signedBy(signer)}, which --trust-key names`);
  if (known === undefined)
    return trusted('first', `${signedBy(signer)}; it is not known who signed ${carrier}`);
  if (known === null)
    return trusted('signed', `${signedBy(signer)}; ${carrier} is unsigned, so nothing could be compared`);
  if (handedOverBy.includes(known)) {
    return trusted(
      'handed over',
      `${signedBy(signer)}, to which the key of ${carrier} (${known}) hands over`,
    );
  }
  if (begun !== undefined && begun === signer) {
    return trusted('begun', `${signedBy(signer)}, with which the unfinished run was started`);
  }
  return { kind: 'refused', because: `it is ${signedBy(signer)}, and ${carrier} is ${signedBy(known)}` };
}

/**
 * Why a file's key was compared with nothing, and nobody named it: an upgrade may continue then, but that
 * proves nothing.
 */
export function uncompared({ known, carrier, signer, named }: TrustFacts): string | undefined {
  if (typeof known === 'string' || named !== undefined) return undefined;
  const other = known === null ? `${carrier} is unsigned` : `the key of ${carrier} is not known`;
  return `it is ${signedBy(signer)}, and ${other}: nothing could be compared`;
}

/** What `--trust-key` may be. Throws IvaapError `usage`. */
export function parseTrustKey(text: string | undefined, again: Again): string | undefined {
  if (text === undefined || text === 'unsigned') return text;
  const fingerprint = text.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(fingerprint)) return fingerprint;
  throw new IvaapError('usage', `--trust-key: "${text}" is not a fingerprint of 64 hexadecimal digits`, {
    hint: again({ add: ['--trust-key FINGERPRINT'] }),
  });
}

/**
 * A refusal, or a file of unknown origin, as an error, exit 4; with the command to which `--trust-key` may be
 * added.
 */
export function refusedTrust(
  file: string,
  { because, anotherProduct }: Omit<TrustDecision & { kind: 'refused' }, 'kind'>,
  { signer, named }: Pick<TrustFacts, 'signer' | 'named'>,
  again: Again,
): IvaapError {
  const channel =
    'over another channel than the one that the file came by (telephone, letter, their web site)';
  const hint =
    anotherProduct === true
      ? 'name a file of that product; no key makes another product acceptable'
      : named !== undefined
        ? `ask the vendor for the fingerprint ${channel}`
        : signer === null
          ? 'ask the vendor for a signed file; to accept this one, which anybody ' +
            `may have made: ${again({ add: ['--trust-key unsigned'] })}`
          : `ask the vendor whether that key is theirs, ${channel}; ` +
            `then: ${again({ add: [`--trust-key ${signer}`] })}`;
  return new IvaapError('payload', `${file} is not trusted: ${because}`, { hint });
}
