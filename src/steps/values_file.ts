import { createHash } from 'node:crypto';
import { isMap, LineCounter, parseDocument } from 'yaml';
import { readRegularText } from '../host/regular-file.ts';
import { IvaapError } from '../errors.ts';
import type { PlainObject } from '../policy/values-patches.ts';

/** The operator's values file, read and never written after a fresh install. */
export interface ValuesFile {
  path: string;
  sha256: string;
  root: PlainObject;
}

/**
 * Reads a values file strictly: Helm's own parser takes the last of two equal keys silently, so a duplicate is refused
 * with the lines of it. Throws `preflight` when the file is missing, not YAML, or not a mapping.
 */
export async function readValuesFile(path: string, program: string): Promise<ValuesFile> {
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new IvaapError(
      'preflight',
      `the values file ${path} ${missing ? 'is missing' : 'cannot be read'}`,
      {
        cause: error,
        hint: missing ? `${program} repair-state` : `ls -l ${path}`,
      },
    );
  }
  return parseValues(path, text);
}

/** As {@link readValuesFile}, from text that was read already; `path` is for messages. */
export function parseValues(path: string, text: string): ValuesFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    const duplicates = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
    const listed = (duplicates.length > 0 ? duplicates : document.errors).slice(0, 5).map((error) => {
      const line = lines.linePos(error.pos[0]).line;
      if (error.code !== 'DUPLICATE_KEY') return `line ${line}: ${error.message.split('\n', 1)[0]}`;
      return `line ${line}: the key "${keyAt(text, error.pos[0])}" is there twice`;
    });
    const what = duplicates.length > 0 ? 'has duplicate keys' : 'is not valid YAML';
    throw new IvaapError('preflight', `the values file ${path} ${what}: ${listed.join('; ')}`, {
      hint: `Mend the file (sudoedit ${path}), then run the same command again.`,
    });
  }
  if (!isMap(document.contents)) {
    throw new IvaapError('preflight', `the values file ${path} is not a mapping of keys to values`, {
      hint: `Mend the file (sudoedit ${path}), then run the same command again.`,
    });
  }
  const root = document.toJS() as PlainObject;
  return { path, root, sha256: createHash('sha256').update(text).digest('hex') };
}

function keyAt(text: string, position: number): string {
  return (/^[^\s:]+/.exec(text.slice(position, position + 200))?.[0] ?? '?').replaceAll(/["']/g, '');
}
