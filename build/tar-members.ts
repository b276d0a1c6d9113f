import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Header } from 'tar-stream';
import { extract } from 'tar-stream';
import { followed, linkTarget } from '../src/images/tar-files.ts';
import { paddedSize as padded, tarBlock as block } from '../src/payload/format/archive-tar.ts';

/** Where a file's content is inside an uncompressed tar. */
export interface TarMember {
  offset: number;
  size: number;
}

/** Types of the records that describe the member behind them: pax, GNU's long link and long name. */
const describing = new Set(['x', 'L', 'K']);
/** A name or a link's target; more is no archive of images. */
const longestDescription = 1024 * 1024;

/**
 * The regular files of an uncompressed tar by name, found by reading headers alone: contents are skipped, so
 * a listing costs the same whatever is inside. Links lead to the file that they name; of a name that comes
 * twice the last one counts, as for tar. Throws an Error that says at which byte the tar breaks off or makes
 * no sense.
 */
export async function tarMembers(path: string): Promise<Map<string, TarMember>> {
  const members = new Map<string, TarMember>();
  const links = new Map<string, string>();
  const handle = await open(path, 'r');
  try {
    const { size: end } = await handle.stat();
    let description: Buffer[] = [];
    for (let position = 0; position < end;) {
      const header = await readAt(handle, position, block);
      // Two blocks of zeros end a tar; what is behind them is no part of it.
      if (header.every((byte) => byte === 0)) break;
      const type = String.fromCharCode(header[156]!);
      if (describing.has(type) || type === 'g') {
        const size = await describedSize(header, position);
        if (type !== 'g') description.push(await readAt(handle, position, block + padded(size)));
        position += block + padded(size);
        continue;
      }
      const member = await decode([...description, header], position);
      description = [];
      const offset = position + block;
      const size = member.type === 'file' || member.type === 'contiguous-file' ? (member.size ?? 0) : 0;
      if (offset + size > end)
        throw new Error(`${member.name} goes on behind the file's end: it was cut off`);
      const name = posix.normalize(member.name);
      if (member.type === 'symlink' || member.type === 'link')
        links.set(name, linkTarget(name, member.type, member.linkname ?? ''));
      else if (member.type === 'file' || member.type === 'contiguous-file')
        members.set(name, { offset, size });
      position = offset + padded(size);
    }
  } finally {
    await handle.close();
  }
  const files = new Map(members);
  for (const name of links.keys()) {
    const member = followed(name, files, links);
    if (member !== undefined) members.set(name, member);
  }
  return members;
}

async function readAt(handle: FileHandle, position: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await handle.read(bytes, 0, size, position);
  if (bytesRead < size) throw new Error(`it ends at byte ${position + bytesRead}: it was cut off`);
  return bytes;
}

async function describedSize(header: Buffer, position: number): Promise<number> {
  const size = Number.parseInt(header.toString('latin1', 124, 136), 8);
  if (!(size >= 0 && size <= longestDescription)) throw new Error(`no tar header at byte ${position}`);
  return size;
}

/** Has tar-stream read one header with what describes it. */
function decode(records: readonly Buffer[], position: number): Promise<Header> {
  const unpack = extract();
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new Error(`no tar header at byte ${position}: ${cause.message}`, { cause }));
    unpack.on('entry', (header) => {
      resolve(header);
      unpack.destroy();
    });
    unpack.on('error', fail);
    unpack.write(Buffer.concat(records));
  });
}
