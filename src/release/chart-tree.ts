import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { readRegular, readRegularText } from '../host/regular-file.ts';
import { makeFolder, writeStreamAtomic } from '../host/atomic-file.ts';
import { syncTree } from '../host/copy-tree.ts';
import type { IndexEntry } from '../payload/format/index-schema.ts';
import type { StepContext } from './context.ts';

/** The payload's entries of the chart, by path inside the chart's folder. */
function chartEntries({ index, product }: Pick<StepContext, 'index' | 'product'>): Map<string, IndexEntry> {
  const prefix = `${product.chart.folder}/`;
  return new Map(
    index.entries
      .filter(({ name }) => name.startsWith(prefix))
      .map((entry) => [entry.name.slice(prefix.length), entry]),
  );
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Whether a folder holds exactly the payload's chart: same files, same contents. */
export async function isPayloadChart(
  ctx: Pick<StepContext, 'index' | 'product'>,
  folder: string,
): Promise<boolean> {
  const wanted = chartEntries(ctx);
  const there = await filesBelow(folder).catch(() => undefined);
  if (there === undefined || there.join('\n') !== [...wanted.keys()].sort().join('\n')) return false;
  for (const [path, entry] of wanted) if (!(await holds(join(folder, path), entry))) return false;
  return true;
}

async function holds(file: string, { size, sha256 }: IndexEntry): Promise<boolean> {
  if ((await stat(file)).size !== size) return false;
  const found = createHash('sha256')
    .update(await readRegular(file))
    .digest('hex');
  return found === sha256;
}

/**
 * Whether two folders hold the same files with the same contents and modes; links are compared by their
 * target.
 */
export async function sameTree(left: string, right: string): Promise<boolean> {
  const names = await filesBelow(left).catch(() => undefined);
  const others = await filesBelow(right).catch(() => undefined);
  if (names === undefined || others === undefined || names.join('\n') !== others.join('\n')) return false;
  for (const name of names) {
    if ((await describeFile(join(left, name))) !== (await describeFile(join(right, name)))) return false;
  }
  return true;
}

async function describeFile(path: string): Promise<string> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) return `link to ${await readlink(path)}`;
  if (!info.isFile()) return `kind ${info.mode}`;
  const hash = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return `${info.mode} ${hash}`;
}

/** How a folder differs from the payload's chart: paths inside it, sorted. A missing folder has no files. */
export async function compareChart(ctx: Pick<StepContext, 'index' | 'product'>, folder: string) {
  const wanted = chartEntries(ctx);
  const there = await filesBelow(folder).catch((): string[] => []);
  const changed: string[] = [];
  for (const path of there) {
    const entry = wanted.get(path);
    if (entry !== undefined && !(await holds(join(folder, path), entry))) changed.push(path);
  }
  const removed = there.filter((path) => !wanted.has(path));
  const added = [...wanted.keys()].filter((path) => !there.includes(path)).sort();
  return { added, changed, removed, same: there.length - changed.length - removed.length };
}

/** Writes the payload's chart into an empty folder: each file verified, everything durable. */
export async function extractChart(ctx: StepContext, folder: string, signal: AbortSignal): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder, 0o755);
  const entries = chartEntries(ctx);
  for (const [path, { name, mode }] of entries) {
    signal.throwIfAborted();
    const file = join(folder, path);
    await makeFolder(dirname(file), 0o755);
    await writeStreamAtomic(file, ctx.payload.streamEntry(name), { mode });
  }
  await syncTree(folder);
  return entries.size;
}

const chartYaml = z.looseObject({ name: z.string(), version: z.string(), appVersion: z.string().optional() });

export interface ChartFacts {
  name: string;
  /** The product's version that the chart deploys: appVersion, or the chart's own where it has none. */
  version: string;
}

/**
 * Name and version of the chart in a folder; undefined when there is none or its Chart.yaml cannot be read.
 */
export async function chartFacts(folder: string): Promise<ChartFacts | undefined> {
  const text = await readRegularText(join(folder, 'Chart.yaml')).catch(() => undefined);
  if (text === undefined) return undefined;
  let raw: unknown;
  try {
    raw = parse(text);
  } catch {
    return undefined;
  }
  const parsed = chartYaml.safeParse(raw);
  if (!parsed.success) return undefined;
  return { name: parsed.data.name, version: parsed.data.appVersion ?? parsed.data.version };
}
