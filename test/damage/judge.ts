import { IvaapError } from '../../src/errors.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanPayload } from '../../src/payload/scan.ts';
import type { Damage } from './damages.ts';
import type { Described, Region } from './fields.ts';
import { regionsOf } from './fields.ts';

/**
 * What a damaged file says of itself: the refusal, the entries that the scan names, and what was handed on
 * before.
 */
interface Outcome {
  error: unknown;
  scanned: string[];
  handedOnWrong: boolean;
}

/** Reads all that a payload gives out, as its consumers do, and scans it. */
async function outcomeOf(path: string, intact: Buffer): Promise<Outcome> {
  const outcome: Outcome = { error: undefined, scanned: [], handedOnWrong: false };
  try {
    const payload = await openPayload(path);
    try {
      const { entries } = await payload.index();
      outcome.scanned = [...new Set((await scanPayload(payload)).damages.map(({ what }) => what))];
      for (const { name, offset, size } of entries) {
        let at = offset;
        for await (const piece of payload.streamEntry(name)) {
          outcome.handedOnWrong ||= !piece.equals(intact.subarray(at, at + piece.length));
          at += piece.length;
        }
        // An end that comes too early is no refusal.
        outcome.handedOnWrong ||= at !== offset + size;
      }
    } finally {
      await payload.close();
    }
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

/** Regions in which a byte is another one. */
export function damagedRegions(described: Described, { patches }: Damage): Region[] {
  return regionsOf(described).filter(({ from, to }) =>
    patches.some(({ at, bytes }) => {
      const [start, end] = [Math.max(at, from), Math.min(at + bytes.length, to)];
      return (
        start < end && !bytes.subarray(start - at, end - at).equals(described.bytes.subarray(start, end))
      );
    }),
  );
}

/** Whether a refusal's words name one of these regions. */
export function names(message: string, regions: readonly string[]): boolean {
  // The end record belongs to the directory, and says where the trailer is.
  if (message.includes('its end record')) return regions.some((name) => /zip directory|trailer/.test(name));
  return regions.includes(namedRegion(message) ?? '');
}

function namedRegion(message: string): string | undefined {
  const entry = /damaged in (?!the |index\.json)(\S+)(?: \(its header\))? \(bytes/.exec(message)?.[1];
  if (entry !== undefined) return entry;
  if (/damaged in index\.json|before the end of its index$/.test(message)) return 'index.json';
  if (/damaged in the executable itself/.test(message)) return 'the executable itself';
  if (/damaged in the zip directory/.test(message)) return 'the zip directory';
  if (/\bits trailer|\bthe trailer/.test(message)) return 'the trailer';
  return undefined;
}

/** What a file with bytes in between has to say: no part of it is where it was. */
const insertMessage = /bytes (more than its|and its trailer says) \d+$|its end record does not fit/;

/** What a cut-off file has to say. */
function cutMessage({ index, trailer }: Described, path: string, size: number): RegExp {
  const escaped = path.replaceAll(/[.+]/g, String.raw`\$&`);
  const incomplete = `^${escaped} is incomplete: ${size}`;
  const indexEnd = trailer.indexOffset + trailer.indexLength;
  if (size < 64) return new RegExp(`^${escaped} carries no payload and is not an executable of this kind$`);
  if (size < index.headSize)
    return new RegExp(
      `${incomplete} bytes, at least ${index.headSize} bytes, cut off inside the executable itself$`,
    );
  if (size === index.headSize) return new RegExp(`^${escaped} carries no payload$`);
  if (size < indexEnd)
    return new RegExp(`${incomplete} bytes, cut off or damaged before the end of its index$`);
  const last = index.entries.findLast((entry) => entry.offset + entry.size <= size)?.name ?? 'index.json';
  return new RegExp(`${incomplete} of ${trailer.fileSize} bytes, complete up to ${last}$`);
}

/** Whether the damage in the file at `path` was found and rightly named; what is wrong otherwise. */
export async function judge(described: Described, path: string, damage: Damage): Promise<string | undefined> {
  const { error, scanned, handedOnWrong } = await outcomeOf(path, described.bytes);
  if (handedOnWrong) return 'a wrong byte was handed on';
  const isRefusal = error instanceof IvaapError && error.code === 'payload';
  if (error !== undefined && !isRefusal) return `it ended with ${String(error)}`;
  const said = isRefusal ? error.message : undefined;
  const expectation =
    damage.cutAt === undefined ? damage.insert && insertMessage : cutMessage(described, path, damage.cutAt);
  if (expectation !== undefined) return expectation.test(said ?? '') ? undefined : `it said: ${said}`;
  const damaged = damagedRegions(described, damage).map(({ name }) => name);
  if (damaged.length === 0) return 'it changes nothing';
  const sealed = ['index.json', 'the zip directory', 'the trailer'];
  const same = damaged.length === scanned.length && damaged.every((name) => scanned.includes(name));
  // A file whose index does not hold is not scanned.
  if (!same && !damaged.some((name) => sealed.includes(name)))
    return `the scan named ${scanned.join(', ') || 'nothing'}, damaged: ${damaged.join(', ')}`;
  // A head in front of large entries alone is read by nobody but the scan.
  if (said === undefined) return same ? undefined : 'nobody refused it';
  return names(said, damaged) ? undefined : `it said: ${said}; damaged: ${damaged.join(', ')}`;
}
