import { fstatSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { IvaapError } from '../errors.ts';
import {
  assertCompared,
  judge,
  trustCarrier,
  type Trust,
  type TrustCarrier,
} from '../flows/upgrade/trust.ts';
import { allDamages, partsOf, signatureEvidence } from '../payload/evidence.ts';
import type { Payload } from '../payload/reader.ts';
import { openPayload, selfPath } from '../payload/open-payload.ts';
import { assertIntact, scanPayload } from '../payload/scan.ts';
import { type Extent, sha256Check } from '../payload/sha256-check.ts';
import { parseTrustKey, uncompared } from '../policy/trust.ts';
import { compareRelease } from '../policy/release-order.ts';
import { answer } from '../ui/answer.ts';
import { byteTask } from './byte-task.ts';
import type { Command, Invocation } from './command.ts';
import { openDelivered } from '../queries/delivered-file.ts';
import type { TrustReport, VerifyReport } from '../ui/verify-text.ts';
import { verifyLines } from '../ui/verify-text.ts';

/** Which file that was: enough to say later whether another one is it. */
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

/** The program that checks: a file that proves itself is checked by its own code. */
async function checker(): Promise<VerifyReport['checkedBy']> {
  const own = await openPayload().catch(() => undefined);
  const program = own === undefined ? 'no payload' : `${own.identity.command} ${own.identity.version}`;
  await own?.close();
  return { program, format: '1.0', node: process.version };
}

/** The scan, and what was asked for with SHA-256; each pass is told as one of its kind. */
async function hashed(payload: Payload, extent: Extent, signal: AbortSignal) {
  const { fileSize } = payload.trailer;
  const scanning = byteTask('verify', 'reading every byte', fileSize);
  const scan = await scanning.during(() =>
    scanPayload(payload, { signal, onProgress: ({ done }) => scanning.progress(done) }),
  );
  const { coveredEnd } = (await payload.index()).chunks;
  const hashing = byteTask('hash', 'hashing every entry', coveredEnd);
  const full = extent === 'all';
  const check = () =>
    sha256Check(payload, extent, { signal, onProgress: full ? hashing.progress : () => {} });
  return { scan, check: await (full ? hashing.during(check) : check()) };
}

async function run({ args, json, signal, options, program, again }: Invocation): Promise<void> {
  const [file] = args;
  const named = parseTrustKey(options.trustKey as string | undefined, again);
  if (named !== undefined && file === undefined)
    throw new IvaapError('usage', '--trust-key is about another file', { hint: `${program} verify FILE` });
  const begunAt = new Date().toISOString();
  const payload = await openDelivered(file ?? selfPath);
  try {
    const carrier = file === undefined ? undefined : await trustCarrier();
    const trust = carrier === undefined ? undefined : judge(payload, carrier, { named });
    // A program that proves itself gains nothing from a stronger hash of its own code.
    const extent = options.full === true ? 'all' : file === undefined ? 'none' : 'head';
    const { scan, check } = await hashed(payload, extent, signal);
    const damages = allDamages(scan, check);
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
      ...(carrier === undefined ? {} : { release: releaseReport(payload, carrier) }),
      parts: await partsOf(payload, damages, extent),
      ...(options.full === true ? { entries: check.entries } : {}),
      damages,
    };
    const text = json ? [JSON.stringify(report)] : verifyLines(report);
    // Damage and another key are what counts, also where the evidence could not be written.
    await answer(`${text.join('\n')}\n`, signal).finally(() => {
      assertIntact(payload, { damages });
      if (trust !== undefined) assertCompared(payload.spokenName, trust, again);
    });
  } finally {
    await payload.close();
  }
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
    ...(insteadOfState === undefined ? {} : { insteadOfState }),
    ...(known === undefined ? {} : { key: known }),
  };
}

export const verifyCommand: Command = {
  arguments: [{ name: '[file]', summary: 'another delivered file; without it, this one' }],
  options: [
    {
      flags: '--full',
      summary: 'hash every chunk and every entry with SHA-256 as well, with a verdict on each entry',
    },
    {
      flags: '--trust-key <fingerprint>',
      summary:
        'take the file although it has another key than the installed release: this one (or: unsigned)',
    },
    { flags: '--json', summary: 'the evidence as one JSON object' },
  ],
  touches:
    'Reads every byte of the file once (the executable of another file, and with --full everything, twice) and changes nothing. Prints what was read,\n' +
    'how it was checked and the verdict of each part; damage is named by entry and byte range. The key of another file is compared with\n' +
    "the installed release's (as root, from the installer's state) or, where nothing is installed, with this program's. Where there is no\n" +
    'key to compare with (this program, or what is installed, is unsigned), the file is not trusted unless --trust-key names its key.',
  examples: [
    ['verify', 'prove this file intact before it is used'],
    ['verify /media/usb/delivery', 'prove another file, e.g. a fresh download, and its key, with this one'],
    ['verify /media/usb/delivery --full --json', 'the evidence for an auditor, entry by entry'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
