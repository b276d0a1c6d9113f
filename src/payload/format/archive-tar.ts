/**
 * FORMAT.md, Archives: tar records, specified byte for byte; plain ustar, so that an archive is the same
 * bytes on every machine, forever.
 */

export const tarBlock = 512;

/** Bytes that `size` bytes of content take in a tar: whole blocks. */
export const paddedSize = (size: number): number => Math.ceil(size / tarBlock) * tarBlock;

/** Two zero blocks, which end a tar. */
export const tarEnd: Buffer = Buffer.alloc(2 * tarBlock);

/**
 * The 512 bytes before a regular file: mode 0644, owner 0:0, time 0, no names of owners. Throws RangeError
 * for a name over 100 bytes.
 */
export function tarHeader(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`a tar name over 100 bytes: ${name}`);
  const header = Buffer.alloc(tarBlock);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    // GNU's base-256 form, which Go's archive/tar reads too: from 8 GiB on.
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
