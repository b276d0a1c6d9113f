import { archiveLayout } from '../src/payload/format/archive-layout.ts';
import { indexContradiction } from '../src/payload/format/index-check.ts';
import { indexSchema } from '../src/payload/format/index-schema.ts';
import { limits } from '../src/payload/format/limits.ts';
import { strictJson } from '../src/payload/format/strict-json.ts';
import type { PackPlan } from './pack-plan.ts';
import type { Signer } from './signing.ts';
import { SpecError } from './spec-file.ts';
import type { Layout } from './zip-writer.ts';
import { layOut } from './zip-writer.ts';

/** Places all that a plan holds behind a head of this size. */
export function layOutPlan(
  plan: PackPlan,
  headSize: number,
  padToBytes: number | undefined,
  signer: Signer | undefined,
): Layout {
  const { product, spec, images } = plan;
  const tools = Object.entries(spec.tools).map(
    ([name, { version }]) => [name, { entry: `tools/${name}`, version }] as const,
  );
  const archives = Object.entries(spec.archives).map(([name, inside]) => ({
    name,
    size: archiveLayout({ images }, { images: inside }).gzipSize,
    sha256: '0'.repeat(64),
    crc32: '0'.repeat(8),
    images: inside,
  }));
  const describe = {
    format: { major: 1 as const, minor: 0 },
    product: product.name,
    title: product.title,
    command: product.command,
    version: spec.release.version,
    images,
    archives,
    tools: Object.fromEntries(tools),
  };
  const layout = layOut(headSize, plan.sources, describe, signer);
  const missing = (padToBytes ?? 0) - layout.index.fileSize;
  if (missing <= 0) return layout;
  plan.sources.push({ name: 'padding', size: missing, mode: 0o644, content: { zeros: true } });
  return layOut(headSize, plan.sources, describe, signer);
}

/** Any head will do to ask what the reader will say of all the rest. */
const someHead = 128;

/**
 * Refuses, by the reader's own rules and before a byte is copied, what the reader would refuse. Throws
 * SpecError with file and line.
 */
export function refuseUnreadable(plan: PackPlan): void {
  const { index, indexOffset, indexLength } = layOutPlan(plan, someHead, undefined, undefined);
  const parsed = indexSchema.safeParse(index);
  const mistakes = (parsed.error?.issues ?? []).map(
    ({ path, message }) => `${whereOf(plan, path)}: ${path.join('.')}: ${message}`,
  );
  const contradiction = indexContradiction(index, indexOffset + indexLength, index.fileSize);
  const { path } = plan.files.spec;
  if (contradiction !== undefined) mistakes.push(`${path}: ${contradiction}`);
  if (indexLength > limits.indexBytes)
    mistakes.push(`${path}: its index has ${indexLength} bytes; at most ${limits.indexBytes} are allowed`);
  for (const { name, content, size, sha256 } of plan.sources) {
    if (!('bytes' in content) || sha256 !== undefined) continue;
    if (size > limits.entryInMemoryBytes)
      mistakes.push(`${path}: ${name} has ${size} bytes; at most ${limits.entryInMemoryBytes} are allowed`);
    try {
      strictJson(content.bytes, 1);
    } catch (error) {
      mistakes.push(`${path}: ${name}: ${(error as Error).message}`);
    }
  }
  if (mistakes.length > 0) throw new SpecError([...new Set(mistakes)].join('\n'));
}

/** The line that gives a value of the index. */
function whereOf({ files, sources, spec }: PackPlan, path: readonly PropertyKey[]): string {
  const [first, second] = path;
  const { at } = files.spec;
  switch (first) {
    case 'title':
    case 'command':
      return files.product.at([first]);
    case 'product':
      return files.product.at(['name']);
    case 'version':
      return at(['release', 'version']);
    case 'tools':
      return at(['tools', String(second)]);
    case 'images':
      return at(['images', Number(second)]);
    case 'archives':
      return at(['archives', Object.keys(spec.archives)[Number(second)] ?? '']);
    case 'entries':
      return sources[Number(second)]?.where ?? files.spec.path;
    default:
      return files.spec.path;
  }
}
