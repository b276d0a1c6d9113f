import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPayload } from '../src/payload/open-payload.ts';
import { fixedKeys } from '../test/fixtures/signing-keys.ts';
import { makeTinyPayload } from '../test/fixtures/tiny-payload.ts';
import type { GeneratedPage } from './generated-page.ts';
import { formatMarkdown, writePage } from './generated-page.ts';

/**
 * `node scripts/format-example.ts` writes the worked example of payload-spec/FORMAT.md from a file that it
 * packs.
 */

const root = join(import.meta.dirname, '..');
const path = join(root, 'payload-spec/FORMAT.md');
const begin = '<!-- The example: written by scripts/format-example.ts; change that, and run it. -->';
const end = '<!-- End of the example. -->';

/** Bytes in rows of sixteen with their offsets; rows that are like the one before are a star. */
function dump(bytes: Buffer, at: number): string {
  const rows: string[] = [];
  let before = '';
  for (let from = 0; from < bytes.length; from += 16) {
    const row = bytes.subarray(from, from + 16);
    const hex = row.toString('hex').replaceAll(/(..)/g, '$1 ').padEnd(48);
    const text = row.toString('latin1').replaceAll(/[^ -~]/g, '.');
    if (hex !== before) rows.push(`${(at + from).toString(16).padStart(8, '0')}  ${hex} ${text}`.trimEnd());
    else if (rows.at(-1) !== '*') rows.push('*');
    before = hex;
  }
  return rows.join('\n');
}

/**
 * The smallest file that has one of everything: an image with two layers, one of them aligned, an archive, a
 * hand-over and a signature.
 */
function pack() {
  return makeTinyPayload({
    bigLayerBytes: 3000,
    keys: fixedKeys(1, [fixedKeys(2)]),
    product: { entitlements: {} },
    editSpec: (spec) => {
      const images = spec['images'] as { reference: string }[];
      spec['images'] = images.slice(0, 1);
      spec['archives'] = { 'docker-images.tar.gz': [images[0]!.reference] };
    },
  });
}

async function example(): Promise<string> {
  const tiny = await pack();
  const payload = await openPayload(tiny.path);
  const bytes = readFileSync(tiny.path);
  const pieces: Buffer[] = [];
  for await (const piece of payload.streamArchive('docker-images.tar.gz')) pieces.push(piece);
  const archive = Buffer.concat(pieces);
  const { trailer, commentOffset } = payload;
  await payload.close();
  tiny.remove();
  const { headSize, entries, chunks } = tiny.index;
  const product = entries[0]!;
  const aligned = entries.find(({ offset }) => offset % 4096 === 0)!;
  const before = entries[entries.indexOf(aligned) - 1]!;
  const headerOfAligned = before.offset + before.size;
  const indexEnd = trailer.indexOffset + trailer.indexLength;
  const json = JSON.stringify(tiny.index);
  const part = (what: string, from: number, to: number) =>
    `${what}\n\n\`\`\`\n${dump(bytes.subarray(from, to), from)}\n\`\`\`\n`;
  return [
    `A file of ${bytes.length} bytes on a head of ${headSize}, with ${entries.length} ` +
      'entries. Offsets are hexadecimal here; a star stands for rows like the one above it.',
    part(
      'The head, as far as a reader looks at it: 64 bytes of ELF ' +
        'header and one section header, of a section without bytes.',
      0,
      headSize,
    ),
    part(
      `The local header of \`index.json\`, padded so that the content begins at ${trailer.indexOffset}:`,
      headSize,
      trailer.indexOffset,
    ),
    'The content, up to its padding (line breaks are this ' +
      `page's):\n\n\`\`\`\n${json.replaceAll(/(.{1,100})/g, '$1\n').trimEnd()}\n\`\`\`\n`,
    part(
      'Its last bytes, and the local header of the first entry, which needs no padding:',
      indexEnd - 16,
      product.offset,
    ),
    part('The local header of a layer of more than 4,095 bytes:', headerOfAligned, aligned.offset),
    part(
      'The zip directory begins with the headers of `index.json` and of the first entry:',
      chunks.coveredEnd,
      chunks.coveredEnd + 2 * 46 + 'index.json'.length + product.name.length,
    ),
    part('The end record, and the trailer, which is its comment:', commentOffset - 22, bytes.length),
    `The archive \`docker-images.tar.gz\`, ${archive.length} bytes that are nowhere in the file, ` +
      "begins with gzip's header, the header of the first stored block and the first tar " +
      `header:\n\n\`\`\`\n${dump(archive.subarray(0, 15 + 512 + 64), 0)}\n\`\`\`\n`,
    "It ends with the tar's two blocks of zeros, its CRC-32 and its " +
      `length:\n\n\`\`\`\n${dump(archive.subarray(-24), archive.length - 24)}\n\`\`\`\n`,
  ].join('\n');
}

/** FORMAT.md with its example as it comes out today. */
export async function formatPage(): Promise<GeneratedPage> {
  const page = readFileSync(path, 'utf8');
  const [front = '', rest = ''] = page.split(begin);
  const [, back = ''] = rest.split(end);
  const text = `${front}${begin}\n\n${await example()}\n${end}${back}`;
  return { path, text: await formatMarkdown(text) };
}

if (import.meta.main) writePage(await formatPage());
