import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { dependencyFiles } from './chart-files.ts';
import { KeySearch, keyTraces, ownKey } from './key-search.ts';
import type { PackPlan } from './pack-plan.ts';
import type { Source } from './pack-source.ts';
import { privateKeyIn } from './private-key.ts';
import type { SigningKeys } from './signing.ts';
import { signingKeys } from './signing.ts';
import { SpecError } from './spec-file.ts';

/** A file is looked through in pieces that share this much: no key is longer. */
const pieceBytes = 8 * 1024 * 1024;
const sharedBytes = 64 * 1024;

/**
 * Refuses private keys among the files of chart and spec: the one that signs always, others unless the spec
 * lists them. Image layers and tools, which have keys of tests in them, are searched for the one that signs
 * while they are copied.
 */
export async function refuseShippedKeys(plan: PackPlan, keys: SigningKeys | undefined): Promise<void> {
  const { at, value } = plan.files.spec;
  const listed = new Set(value.privateKeys);
  const tools = Object.keys(value.tools).map((name) => `tools/${name}`);
  const keyFiles = new Set((keys?.files ?? []).map(identityOf));
  const mistakes: string[] = [];
  for (const source of plan.sources) {
    const { name, content, sha256, where = plan.files.spec.path } = source;
    const path = 'path' in content ? content.path : name;
    if ('path' in content && keyFiles.has(identityOf(content.path))) {
      mistakes.push(`${where}: ${path} is ${ownKey}`);
      continue;
    }
    if (sha256 !== undefined || tools.includes(name)) continue;
    for await (const { inside, bytes } of partsOf(source)) {
      const search = new KeySearch(keyTraces(signingKeys(keys)));
      search.update(bytes);
      const file = `${path}${inside}`;
      if (search.found) mistakes.push(`${where}: ${file} holds ${ownKey}`);
      else if (!listed.has(name)) {
        const found = privateKeyIn(bytes);
        if (found !== undefined)
          mistakes.push(
            `${where}: ${file} holds ${found}, which would be ` +
              `shipped: take it out, or list ${name} in privateKeys`,
          );
      }
    }
  }
  const names = new Set(plan.sources.map(({ name }) => name));
  for (const [position, name] of value.privateKeys.entries())
    if (!names.has(name)) mistakes.push(`${at(['privateKeys', position])}: there is no file ${name}`);
  if (mistakes.length > 0) throw new SpecError([...new Set(mistakes)].join('\n'));
}

function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev} ${ino}`;
}

/** The bytes of a source, and of what is packed in it: a chart's dependency is a tar. */
async function* partsOf({
  name,
  content,
  size,
  where = name,
}: Source): AsyncGenerator<{ inside: string; bytes: Buffer }> {
  if ('bytes' in content) yield { inside: '', bytes: content.bytes };
  if (!('path' in content)) return;
  if (/\/charts\/[^/]+\.tgz$/.test(name))
    for await (const file of dependencyFiles(content.path, where))
      yield { inside: `: ${file.name}`, bytes: await buffer(file.content) };
  const file = openSync(content.path, 'r');
  try {
    for (let from = 0; from < size; from += pieceBytes - sharedBytes) {
      const bytes = Buffer.alloc(Math.min(pieceBytes, size - from));
      yield { inside: '', bytes: bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from)) };
    }
  } finally {
    closeSync(file);
  }
}
