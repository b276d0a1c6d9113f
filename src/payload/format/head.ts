import type { ReadAt } from '../position-reader.ts';

/**
 * FORMAT.md, Head: where a 64-bit little-endian ELF image ends: the furthest of its segments, sections and
 * tables. This is where the payload starts in a file whose trailer was cut off. Returns undefined when the
 * file is no such image or its headers are cut off. Source: System V ABI, ELF-64 object file format.
 */
export async function elfEnd(readAt: ReadAt, fileSize: number): Promise<number | undefined> {
  if (fileSize < 64) return undefined;
  const header = await readAt(0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return undefined;
  const programs = { offset: Number(header.readBigUInt64LE(32)), count: header.readUInt16LE(56) };
  const sections = { offset: Number(header.readBigUInt64LE(40)), count: header.readUInt16LE(60) };
  const programsEnd = programs.offset + programs.count * 56;
  const sectionsEnd = sections.offset + sections.count * 64;
  let end = Math.max(64, programsEnd, sectionsEnd);
  if (end > fileSize) return end;
  const segment = await readAt(programs.offset, programs.count * 56);
  for (let at = 0; at < segment.length; at += 56)
    end = Math.max(end, Number(segment.readBigUInt64LE(at + 8)) + Number(segment.readBigUInt64LE(at + 32)));
  const section = await readAt(sections.offset, sections.count * 64);
  for (let at = 0; at < section.length; at += 64) {
    const takesNoBytes = section.readUInt32LE(at + 4) === 8;
    if (takesNoBytes) continue;
    end = Math.max(end, Number(section.readBigUInt64LE(at + 24)) + Number(section.readBigUInt64LE(at + 32)));
  }
  return end;
}
