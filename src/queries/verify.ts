import { fstatSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import type { Emit } from '../engine/events.ts';
import type { IvaapError } from '../errors.ts';
import { allDamages, partsOf, signatureEvidence } from '../payload/evidence.ts';
import { judgeHead } from '../payload/head-check.ts';
import type { Damage } from '../payload/named-damages.ts';
import type { Payload } from '../payload/reader.ts';
import { selfPath } from '../payload/open-payload.ts';
import { assertIntact, scanPayload } from '../payload/scan.ts';
import { type Extent, sha256Check } from '../payload/sha256-check.ts';
import type { Again } from '../policy/again.ts';
import { uncompared } from '../policy/trust.ts';
import { compareRelease } from '../policy/release-order.ts';
import { byteTask } from './byte-task.ts';
import { openDelivered } from './delivered-file.ts';
import { ownIdentity } from './own-identity.ts';
import type { TrustReport, VerifyReport } from './verify-schema.ts';
import { assertCompared, judge, trustCarrier, type Trust, type TrustCarrier } from './trust.ts';

export interface VerifyQuestion {
  /** Another delivered file; undefined asks about this one. */
  file: string | undefined;
  /** Whether every chunk and entry is hashed with SHA-256 as well. */
  full: boolean;
  /** The key that the operator accepts. */
  trustKey: string | undefined;
}

/** The evidence, and the IvaapError `payload` to end with: for damage, or for a key that is not trusted. */
export async function queryVerify(
  { file, full, trustKey }: VerifyQuestion,
  { emit, signal, again }: { emit: Emit; signal: AbortSignal; again: Again },
): Promise<{ report: VerifyReport; refusal: IvaapError | undefined }> {
  const begunAt = new Date().toISOString();
  const payload = await openDelivered(file ?? selfPath);
  try {
    const carrier = file === undefined ? undefined : await trustCarrier();
    const trust = carrier === undefined ? undefined : judge(payload, carrier, { named: trustKey });
    // A stronger hash of our own code proves nothing: a changed program would report it as intact.
    const extent = full ? 'all' : file === undefined ? 'none' : 'head';
    const { scan, check } = await hashed(payload, extent, { emit, signal });
    const { damages, head } = await judgeHead(payload, allDamages(scan, check), signal);
    const report: VerifyReport = {
      ...payload.identity,
      file: await fileIdentity(payload),
      checkedBy: await checker(),
      begunAt,
      endedAt: new Date().toISOString(),
      payloadDigest: payload.digest,
      bytes: scan.bytes,
      durationMs: Math.round(scan.durationMs),
      intact: damages.length === 0,
      signature: signatureEvidence(payload),
      trust: trustReport(carrier, trust),
      release: carrier && releaseReport(payload, carrier),
      parts: await partsOf(payload, { damages, head }, extent),
      ...(full ? { entries: check.entries } : {}),
      damages,
    };
    return { report, refusal: refusalOf(payload, damages, trust, again) };
  } finally {
    await payload.close();
  }
}

/** The scan and the SHA-256 check; each pass is reported as its own task. */
async function hashed(
  payload: Payload,
  extent: Extent,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
) {
  const { fileSize } = payload.trailer;
  const scanning = byteTask(emit, { task: 'verify', title: 'reading every byte', total: fileSize });
  const scan = await scanning.during(() =>
    scanPayload(payload, { signal, onProgress: ({ done }) => scanning.progress(done) }),
  );
  const { coveredEnd } = (await payload.index()).chunks;
  const hashing = byteTask(emit, { task: 'hash', title: 'hashing every entry', total: coveredEnd });
  const full = extent === 'all';
  const check = () =>
    sha256Check(payload, extent, { signal, onProgress: full ? hashing.progress : () => {} });
  return { scan, check: await (full ? hashing.during(check) : check()) };
}

function refusalOf(
  payload: Payload,
  damages: readonly Damage[],
  trust: Trust | undefined,
  again: Again,
): IvaapError | undefined {
  try {
    assertIntact(payload, { damages: [...damages] });
    if (trust !== undefined) assertCompared(payload.displayName, trust, again);
    return undefined;
  } catch (error) {
    return error as IvaapError;
  }
}

/** Identifies the file, so that it can be recognized later. */
async function fileIdentity({ descriptor, path }: Payload): Promise<VerifyReport['file']> {
  const { size, dev, ino, mtime } = fstatSync(descriptor, { bigint: true });
  return {
    path: path === selfPath ? await readlink(selfPath) : path,
    size: Number(size),
    device: String(dev),
    inode: String(ino),
    modifiedAt: mtime.toISOString(),
  };
}

/** The program that checks. */
async function checker(): Promise<VerifyReport['checkedBy']> {
  const own = await ownIdentity().catch(() => undefined);
  const program = own === undefined ? 'no payload' : `${own.command} ${own.version}`;
  return { program, format: '1.0', node: process.version };
}

function releaseReport({ identity, digest }: Payload, { productToFollow, release }: TrustCarrier) {
  const file = { ...identity, payloadDigest: digest };
  const verdict = compareRelease(file, release && { product: productToFollow ?? '', ...release });
  return { verdict, ...(release && { comparedWith: release.version, payloadDigest: release.payloadDigest }) };
}

function trustReport(carrier: TrustCarrier | undefined, trust: Trust | undefined): TrustReport {
  if (carrier === undefined || trust === undefined) return { verdict: 'not compared' };
  const { source, insteadOfState, known } = carrier;
  const { decision, facts } = trust;
  const unknown = decision.kind === 'trusted' ? uncompared(facts) : undefined;
  return {
    verdict: unknown === undefined ? decision.kind : 'not compared',
    because: unknown ?? decision.because,
    comparedWith: carrier.carrier,
    source,
    insteadOfState,
    key: known,
  };
}
