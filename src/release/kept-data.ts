import { isUtf8 } from 'node:buffer';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import { writeFileAtomic } from '../host/atomic-file.ts';
import type { Kubectl, Secret } from '../host/kubectl.ts';
import { readRegularText } from '../host/regular-file.ts';
import { assertSafePath } from '../host/safe-path.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import { foundFolderSchema } from './found-folder.ts';
import { asRoot, shellWord, sudo } from '../shell-word.ts';
import { keptText } from '../policy/kept-text.ts';
import { firstStop, passesOver } from '../policy/upgrade-policy.ts';
import { orderOf, recordedScheme, schemeForms, schemeOf, versionSchemes } from '../version.ts';

/**
 * What an uninstall with `--keep-data` leaves beside the database's folder: what a later install must know of
 * the data, and the generated secrets, without which nobody could log in to it.
 */
export const keptDataSchema = z.looseObject({
  format: z.literal(1),
  product: z.string(),
  version: z.string().describe('The release that wrote the data last.'),
  versionScheme: z.enum(versionSchemes).optional().describe('How that is counted; absent: `calver`.'),
  schemaVersion: z.int().nullable().describe('Of the database; null: it did not answer.'),
  postgresMajor: z.int().positive(),
  folder: z.string().describe('With the data.'),
  foundFolder: foundFolderSchema.optional().describe('How its place was before the first install.'),
  keptAt: z.string(),
  rows: z
    .int()
    .nonnegative()
    .optional()
    .describe('Of the last dump, or what the database estimated; absent: not known, or an older record.'),
  sizeBytes: z.int().nonnegative().optional().describe('Of the folder; absent in older records.'),
  by: z.string(),
  secrets: z
    .record(z.string(), z.record(z.string(), z.string()))
    .describe('The generated secrets as text, by the name of the Secret and its keys.'),
  secretBytes: z
    .record(z.string(), z.record(z.string(), z.string()))
    .optional()
    .describe('Those of them that are not UTF-8, in base64.'),
});

export type KeptData = z.infer<typeof keptDataSchema>;

type Secrets = Pick<KeptData, 'secrets' | 'secretBytes'>;

/** The generated secrets of a record, by the name of the Secret and its keys. */
export function secretsOfData({
  secrets,
  secretBytes = {},
}: Secrets): Record<string, Record<string, Buffer>> {
  const all: Record<string, Record<string, Buffer>> = {};
  for (const [encoding, part] of [['utf8', secrets] as const, ['base64', secretBytes] as const])
    for (const [name, values] of Object.entries(part))
      for (const [key, value] of Object.entries(values))
        (all[name] ??= {})[key] = Buffer.from(value, encoding);
  return all;
}

/** Of kept data that an install with another place for its database leaves alone. */
export const unusedText = (kept: KeptData): string =>
  `the data kept in ${kept.folder} (${keptText(kept)}) are not used; to use them: ` +
  `--storage-path ${shellWord(kept.folder)}`;

/** The command that deletes kept data. */
export const deleteKeptData = (folder: string): string =>
  asRoot(`rm -r ${shellWord(folder)} ${shellWord(keptDataPath(folder))}`);

/** Beside the folder, so that it is found with it and is no part of the data. */
export const keptDataPath = (storagePath: string): string => `${storagePath}.kept.json`;

export async function writeKeptData(kept: KeptData): Promise<string> {
  const path = keptDataPath(kept.folder);
  await writeFileAtomic(path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/**
 * The record beside a folder; undefined where there is none. Throws `preflight` for one that cannot be read,
 * or that others than root may have written.
 */
export async function readKeptData(storagePath: string): Promise<KeptData | undefined> {
  const path = keptDataPath(storagePath);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  await assertSafePath(path);
  const refuse = (why: string, cause?: unknown) =>
    new IvaapError('preflight', `${path} is not the record of kept data: ${why}`, {
      hint: `to see it: ls -l ${shellWord(path)}`,
      cause,
    });
  let raw: unknown;
  try {
    raw = JSON.parse(await readRegularText(path));
  } catch (error) {
    // The text holds passwords: no message quotes it.
    throw refuse('it is not complete JSON', error instanceof SyntaxError ? undefined : error);
  }
  const parsed = keptDataSchema.safeParse(raw);
  if (!parsed.success)
    throw refuse(`${parsed.error.issues[0]?.path.join('.') || 'the file'} is not as it has to be`);
  if (parsed.data.folder !== storagePath) throw refuse(`it is about ${parsed.data.folder}`);
  return parsed.data;
}

/** Throws `version` where this release cannot work with the data. */
export function assertUsable(
  kept: KeptData,
  { product, release }: { product: Pick<Product, 'name' | 'title' | 'versions'>; release: Release },
): void {
  const { folder } = kept;
  const hint = `use a package of ${kept.version} or newer, or another folder: --storage-path FOLDER`;
  if (kept.product !== product.name) {
    throw new IvaapError('version', `the data in ${folder} are of ${kept.product}, not of ${product.name}`, {
      hint: 'use another folder: --storage-path FOLDER',
    });
  }
  const [recorded, scheme] = [recordedScheme(kept), schemeOf(product)];
  if (recorded !== scheme) {
    throw new IvaapError(
      'version',
      `the data in ${folder} were written by ${kept.version}, a version of the form ` +
        `${schemeForms[recorded]} (${recorded}); this package has ` +
        `${schemeForms[scheme]} (${scheme}), and the two cannot be compared`,
      {
        hint:
          `use a package whose versions are of the form ${schemeForms[recorded]}, or another folder: ` +
          '--storage-path FOLDER',
      },
    );
  }
  const stop = firstStop(kept.version, release.version, product.versions);
  if (stop !== undefined) {
    throw new IvaapError(
      'version',
      `the data in ${folder} were written by ${kept.version}, and ${passesOver(release.version, stop)}`,
      { hint: `install ${stop} first, with its own package, or use another folder: --storage-path FOLDER` },
    );
  }
  if (kept.postgresMajor !== release.postgresMajor) {
    throw new IvaapError(
      'version',
      `the data in ${folder} are of PostgreSQL ${kept.postgresMajor}, and ${release.version} runs ` +
        `PostgreSQL ${release.postgresMajor}, which cannot read them`,
      { hint },
    );
  }
  if (kept.schemaVersion === null) {
    // The server did not answer: only a release that is no older knows every schema of that one.
    if ((orderOf(release.version, kept.version) ?? -1) >= 0) return;
    throw new IvaapError(
      'version',
      `the data in ${folder} were written by ${kept.version}, their schema version is not known, and ` +
        `${release.version} is older`,
      { hint },
    );
  }
  if (release.schema.target >= kept.schemaVersion) return;
  throw new IvaapError(
    'version',
    `the data in ${folder} have schema version ${kept.schemaVersion}, and ${release.version} knows ` +
      `versions up to ${release.schema.target}`,
    { hint },
  );
}

/**
 * Throws for a Secret in the cluster with another password than the data were made with: the product could
 * not log in to them, and its record with the right one would go once the install is complete.
 */
export async function assertSecretsOfData(
  kubectl: Kubectl,
  { namespace }: Pick<Product, 'namespace'>,
  kept: Pick<KeptData, 'folder'> & Secrets,
  code: 'preflight' | 'failed',
): Promise<void> {
  for (const [name, values] of Object.entries(secretsOfData(kept))) {
    const found = await kubectl.get<Secret>('secret', name, { namespace });
    if (found === undefined) continue;
    const isOfData = Object.entries(values).every(
      ([key, bytes]) => found.data?.[key] === bytes.toString('base64'),
    );
    if (isOfData) continue;
    const named = `secret -n ${namespace} ${name}`;
    throw new IvaapError(
      code,
      `the Secret ${name} is not the one that the data in ${kept.folder} were made with`,
      {
        hint:
          `if nothing else uses it: (umask 077; ${sudo.kubectl} get ${named} -o yaml > ${name}.yaml) && ` +
          `${sudo.kubectl} delete ${named}\nor use another folder: --storage-path FOLDER`,
      },
    );
  }
}

/** Throws `version` where other data lie in the folder than its record says. */
export async function assertMajorInFolder({ folder, postgresMajor }: KeptData): Promise<void> {
  const major = await majorInFolder(folder);
  if (major === undefined || major === postgresMajor) return;
  throw new IvaapError(
    'version',
    `the data in ${folder} are of PostgreSQL ${major}, and their record says ${postgresMajor}: it is the ` +
      'record of other data',
    { hint: `ls -la ${shellWord(folder)} ${shellWord(keptDataPath(folder))}` },
  );
}

/**
 * The generated secrets as they are in the cluster, or as a rollback kept them. Throws `preflight` where one
 * of them is missing.
 */
export async function generatedSecrets(
  kubectl: Kubectl,
  product: Pick<Product, 'namespace' | 'generatedSecrets'>,
  kept: Readonly<Record<string, Record<string, string>>> = {},
): Promise<Secrets> {
  const { namespace } = product;
  const found: Required<Secrets> = { secrets: {}, secretBytes: {} };
  for (const { name, keys } of product.generatedSecrets) {
    const secret = await kubectl.get<Secret>('secret', name, { namespace });
    for (const key of Object.keys(keys)) {
      const encoded = secret?.data?.[key] ?? kept[name]?.[key];
      if (encoded === undefined) {
        throw new IvaapError(
          'preflight',
          `the Secret ${name} has no ${key}: the data cannot be kept for an install`,
          {
            hint: `${sudo.kubectl} get secret -n ${namespace} ${name}`,
          },
        );
      }
      const bytes = Buffer.from(encoded, 'base64');
      if (isUtf8(bytes)) (found.secrets[name] ??= {})[key] = bytes.toString();
      else (found.secretBytes[name] ??= {})[key] = encoded;
    }
  }
  const { secrets, secretBytes } = found;
  return Object.keys(secretBytes).length === 0 ? { secrets } : found;
}

/** PG_VERSION in a data folder: known even when the server does not run. */
export async function majorInFolder(path: string): Promise<number | undefined> {
  for (const folder of ['', 'pgdata', 'data']) {
    const text = await readRegularText(join(path, folder, 'PG_VERSION')).catch(() => '');
    const major = /^(\d+)\s*$/.exec(text)?.[1];
    if (major !== undefined) return Number(major);
  }
  return undefined;
}
