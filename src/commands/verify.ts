import { selfPath } from '../payload/reader.ts';
import type { ScanResult } from '../payload/scan.ts';
import { assertIntact, scanPayload } from '../payload/scan.ts';
import type { Payload } from '../payload/reader.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { columns, formatDuration } from '../ui/format.ts';
import { byteTask } from './byte-task.ts';
import type { Command, Invocation } from './command.ts';
import { openDelivered } from './delivered-file.ts';

interface Evidence {
  what: string;
  from: number;
  to: number;
  method: string;
}

/** What was read, region by region, and what it was compared with. */
async function evidenceOf(payload: Payload): Promise<Evidence[]> {
  const { headSize, chunks, entries } = await payload.index();
  const { indexOffset, indexLength, fileSize } = payload.trailer;
  const scan = 'XXH3-128 per chunk, against the index';
  return [
    { what: 'executable', from: 0, to: headSize, method: scan },
    {
      what: 'index.json',
      from: headSize,
      to: indexOffset + indexLength,
      method: 'SHA-256, against the trailer',
    },
    {
      what: `${entries.length} entries`,
      from: indexOffset + indexLength,
      to: chunks.coveredEnd,
      method: scan,
    },
    {
      what: 'zip directory',
      from: chunks.coveredEnd,
      to: payload.commentOffset,
      method: 'SHA-256, against the trailer',
    },
    {
      what: 'trailer',
      from: payload.commentOffset,
      to: fileSize,
      method: 'byte for byte as a packer writes it',
    },
  ];
}

function verdict({ from, to }: Evidence, { damages }: ScanResult): 'intact' | 'DAMAGED' {
  return damages.some((damage) => damage.from < to && damage.to > from) ? 'DAMAGED' : 'intact';
}

function report(payload: Payload, evidence: readonly Evidence[], scan: ScanResult): string[] {
  const { title, version } = payload.identity;
  const rows = evidence.map((part) => [
    part.what,
    `${part.from}-${part.to - 1}`,
    formatBytes(part.to - part.from),
    verdict(part, scan),
    part.method,
  ]);
  const rate = `${formatBytes(scan.bytes / (scan.durationMs / 1000))}/s`;
  return [
    ...columns([['PART', 'BYTES', 'SIZE', 'VERDICT', 'CHECKED BY'], ...rows], [2]),
    ...scan.damages.map(({ what, from, to }) => `damaged: ${what}, bytes ${from} to ${to - 1}`),
    `${title} ${version}, payload sha256:${payload.digest}, ${scan.bytes} bytes read in ${formatDuration(scan.durationMs)} (${rate})`,
    'This proves the file as its packer wrote it; it is no proof against somebody who rewrote all of it.',
  ];
}

async function run({ args, json, signal }: Invocation): Promise<void> {
  const payload = await openDelivered(args[0] ?? selfPath);
  try {
    const { fileSize } = payload.trailer;
    const evidence = await evidenceOf(payload);
    const task = byteTask('verify', 'reading every byte', fileSize);
    const scan = await task.during(() =>
      scanPayload(payload, { signal, onProgress: ({ done }) => task.progress(done) }),
    );
    const data = {
      ...payload.identity,
      payloadDigest: payload.digest,
      bytes: scan.bytes,
      durationMs: Math.round(scan.durationMs),
      intact: scan.damages.length === 0,
      parts: evidence.map((part) => ({ ...part, verdict: verdict(part, scan).toLowerCase() })),
      damages: scan.damages,
    };
    const text = json ? [JSON.stringify(data)] : report(payload, evidence, scan);
    process.stdout.write(`${text.join('\n')}\n`);
    assertIntact(payload, scan);
  } finally {
    await payload.close();
  }
}

export const verifyCommand: Command = {
  arguments: [{ name: '[file]', summary: 'another delivered file; without it, this one' }],
  options: [{ flags: '--json', summary: 'the evidence as one JSON object' }],
  touches:
    'Reads every byte of the file once and changes nothing. Prints what was read, how it was checked and the verdict of each\n' +
    'part; damage is named by entry and byte range.',
  examples: [
    ['verify', 'prove this file intact before it is used'],
    ['verify /media/usb/delivery', 'prove another file, e.g. a fresh download, with this one'],
  ],
  exits: ['usage', 'payload', 'interrupted', 'terminated'],
  run,
};
