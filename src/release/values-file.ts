import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readRegular } from '../host/regular-file.ts';
import { IvaapError } from '../errors.ts';
import { type PlainObject, withOverlay } from '../policy/values-patches.ts';
import type { ProductPaths } from './product-paths.ts';
import { decodeValues, readAsHelm, type ValuesFault } from './values-yaml.ts';
import { shellWord, toEdit } from '../shell-word.ts';

/** The operator's values file, read and never written after a fresh install. */
export interface ValuesFile {
  path: string;
  sha256: string;
  root: PlainObject;
}

/**
 * Reads a values file as Helm does. Throws `preflight` when the file is missing, or with the lines that Helm
 * would refuse or that are ambiguous.
 */
export async function readValuesFile(path: string, program: string): Promise<ValuesFile> {
  let bytes: Buffer;
  try {
    bytes = await readRegular(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new IvaapError(
      'preflight',
      `the values file ${path} ${missing ? 'is missing' : 'cannot be read'}`,
      {
        cause: error,
        hint: missing ? `${program} repair-state` : `ls -l ${shellWord(path)}`,
      },
    );
  }
  const decoded = decodeValues(bytes);
  if ('faults' in decoded) throw unreadable(path, decoded.faults);
  return parseValues(path, decoded.text);
}

/** As {@link readValuesFile}, from text that was already read; `path` is for messages. */
export function parseValues(path: string, text: string): ValuesFile {
  const read = readAsHelm(text);
  if ('faults' in read) throw unreadable(path, read.faults);
  return { path, root: read.root, sha256: createHash('sha256').update(text).digest('hex') };
}

function unreadable(path: string, faults: readonly ValuesFault[]): IvaapError {
  const [first] = faults;
  const listed = faults.slice(0, 5).map(({ line, what }) => `line ${line}: ${what}`);
  const why = faults.some(({ kind }) => kind === 'duplicate')
    ? 'has duplicate keys'
    : faults.some(({ kind }) => kind === 'no mapping')
      ? 'is not a mapping of keys to values'
      : 'is not valid YAML';
  const message =
    // A line would say nothing: it is the whole of it.
    first?.kind === 'too deep'
      ? `the values file ${path} is ${first.what}`
      : `the values file ${path} ${why}: ${listed.join('; ')}`;
  return new IvaapError('preflight', message, {
    hint: `Fix the file (${toEdit(path)}), then run the same command again.`,
  });
}

interface ValuesPaths {
  paths: Pick<ProductPaths, 'values' | 'overlay'>;
}

/**
 * The values files of every Helm call, the later one winning: the operator's, then the overlay where there is
 * one.
 */
export function valuesFiles({ paths }: ValuesPaths): string[] {
  return existsSync(paths.overlay) ? [paths.values, paths.overlay] : [paths.values];
}

/**
 * The values that Helm has from those files; `path` is the operator's. Throws as {@link readValuesFile} does.
 */
export async function valuesOfRelease({
  paths,
  program,
}: ValuesPaths & { program: string }): Promise<Pick<ValuesFile, 'path' | 'root'>> {
  const read = await Promise.all(valuesFiles({ paths }).map((path) => readValuesFile(path, program)));
  return { path: paths.values, root: read.map(({ root }) => root).reduce(withOverlay) };
}
