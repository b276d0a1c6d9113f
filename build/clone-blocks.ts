import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** A range of a file and its place in the output. */
export interface Range {
  path: string;
  from: number;
  size: number;
  offset: number;
}

/** Blocks of XFS and btrfs; with larger ones the file system refuses, and the range is copied. */
const block = 4096;
/** Less is copied as fast as it is shared. */
const least = 1024 * 1024;

/**
 * Reads `FROM LENGTH OFFSET PATH` lines and has the file system share each range with descriptor 3 (ioctl
 * FICLONERANGE, which takes source descriptor, source offset, length and destination offset). Answers 1 or 0
 * a line.
 */
const program = `
  open(my $out, "+<&=", 3) or die;
  while (<STDIN>) {
    chomp;
    my ($from, $length, $offset, $path) = split / /, $_, 4;
    my $in;
    my $shared = open($in, "<", $path) && ioctl($out, 0x4020940d, pack("qQQQ", fileno($in), $from, $length, $offset));
    print $shared ? 1 : 0, "\\n";
  }`;

/**
 * Has the output share the ranges' blocks with their files where the file system can: nothing is copied, and
 * the bytes take no room of their own. Node has no call for a part of a file, perl has, and is on every
 * machine that has git. Returns the ranges that now are in the output, whole; without perl or such a file
 * system none.
 */
export async function cloneBlocks(output: FileHandle, ranges: readonly Range[]): Promise<Set<Range>> {
  const wanted = ranges.filter(
    ({ path, from, size, offset }) =>
      size >= least && from % block === 0 && offset % block === 0 && !path.includes('\n'),
  );
  if (wanted.length === 0) return new Set();
  const lines = wanted.map(
    ({ path, from, size, offset }) => `${from} ${size - (size % block)} ${offset} ${path}\n`,
  );
  const answers = (await perl(output.fd, lines.join(''))).split('\n');
  const shared = wanted.filter((_, position) => answers[position] === '1');
  for (const range of shared) await copyTail(output, range);
  return new Set(shared);
}

function perl(output: number, input: string): Promise<string> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const child = spawn('perl', ['-e', program], { env, stdio: ['pipe', 'pipe', 'ignore', output] });
  return new Promise((resolve) => {
    child.on('error', () => resolve(''));
    // One that ends early has answered for what it did.
    child.stdin!.on('error', () => undefined).end(input);
    void text(child.stdout!).then(resolve, () => resolve(''));
  });
}

/** Only whole blocks can be shared. */
async function copyTail(output: FileHandle, { path, from, size, offset }: Range): Promise<void> {
  const length = size % block;
  if (length === 0) return;
  const start = size - length;
  const input = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await input.read(Buffer.alloc(length), 0, length, from + start);
    if (bytesRead < length) throw new Error(`${path} ends before its ${from + size} bytes`);
    await output.write(buffer, 0, length, offset + start);
  } finally {
    await input.close();
  }
}
