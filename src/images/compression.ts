/** How a blob or an archive is compressed, as far as it can be read here. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Formats that are known by their first bytes and not read: name and the command that unpacks it. */
const unread: [magic: string, name: string, command: string][] = [
  ['fd377a585a00', 'xz', 'xz -d'],
  ['425a68', 'bzip2', 'bzip2 -d'],
  ['04224d18', 'lz4', 'lz4 -d'],
  ['377abcaf271c', '7-Zip', '7z x'],
  ['504b0304', 'zip', 'unzip'],
];

/** By the first bytes; zstd may start with a frame to be skipped, as pzstd's archives do. */
export function compressionOf(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const magic = head.subarray(0, 4).toString('hex');
  return magic === '28b52ffd' || /^5[0-9a-f]2a4d18$/.test(magic) ? 'zstd' : 'none';
}

const unreadAs = (head: Buffer) => unread.find(([magic]) => head.toString('hex').startsWith(magic));

/** Why a compression is not supported, with a remedy; undefined for any other start. */
export function unsupportedCompression(head: Buffer): string | undefined {
  const found = unreadAs(head);
  return (
    found &&
    `it is compressed with ${found[1]}, which is not supported: ${found[2]} FILE, or use gzip or zstd`
  );
}

/** What a file is compressed with, by its first bytes; undefined where they are of none that is known. */
export function compressionName(head: Buffer): string | undefined {
  const compression = compressionOf(head);
  return compression === 'none' ? unreadAs(head)?.[1] : compression;
}
