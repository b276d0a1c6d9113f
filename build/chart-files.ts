import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TarFile } from '../src/images/tar-files.ts';
import { tarFiles, UnreadableArchive } from '../src/images/tar-files.ts';
import type { Ignores } from './helm-ignore.ts';
import { helmIgnores } from './helm-ignore.ts';
import type { Source } from './pack-source.ts';
import { SpecError } from './spec-file.ts';

/** Of version control: nothing renders them, and they have had passwords in them. */
const repositories = new Set(['.git', '.svn', '.hg', '.bzr', 'CVS']);

/**
 * The files of a chart's folder as Helm would package them: without what `.helmignore` names and what is in
 * charts/ and is no chart, with the contents of links. Throws {@link SpecError} beginning with `where`.
 */
export function chartFiles(folder: string, packedFolder: string, where: string): Source[] {
  if (statSync(join(folder, 'Chart.yaml'), { throwIfNoEntry: false })?.isFile() !== true)
    throw new SpecError(`${where}: there is no chart in ${folder}`);
  const ignores = ignoresOf(folder, where);
  const found: Source[] = [];
  const walk = (inside: string, above: readonly string[]): void => {
    const real = realpathSync(join(folder, inside));
    if (above.includes(real))
      throw new SpecError(`${where}: ${join(folder, inside)} is a link to a folder that it lies in`);
    for (const last of readdirSync(real).sort()) {
      const name = inside === '' ? last : `${inside}/${last}`;
      const path = join(folder, name);
      const kind = statSync(path, { throwIfNoEntry: false });
      // A link that leads nowhere: Helm stumbles over it before it asks what is ignored.
      if (kind === undefined)
        throw new SpecError(`${where}: ${path} is a link that leads nowhere, which Helm does not take`);
      if (ignores(name, kind.isDirectory()) || isNoChart(name)) continue;
      if (repositories.has(last))
        throw new SpecError(
          `${where}: ${path} would be shipped with the chart: write ` +
            `${last}/ into ${join(folder, '.helmignore')}`,
        );
      if (kind.isDirectory()) walk(name, [...above, real]);
      else if (!kind.isFile()) throw new SpecError(`${where}: ${path} is no regular file`);
      else
        found.push({
          name: `${packedFolder}/${name}`,
          size: kind.size,
          mode: 0o644,
          content: { path },
          where,
        });
    }
  };
  walk('', []);
  if (!found.some(({ name }) => name === `${packedFolder}/Chart.yaml`))
    throw new SpecError(`${where}: ${join(folder, '.helmignore')} leaves out Chart.yaml itself`);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ignoresOf(folder: string, where: string): Ignores {
  const path = join(folder, '.helmignore');
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return helmIgnores();
  try {
    return helmIgnores(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new SpecError(`${where}: ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** In charts/ Helm passes over what starts with `_` or `.`. */
const isNoChart = (name: string): boolean => /^(?:charts\/[^/]+\/)*charts\/[_.][^/]*$/.test(name);

/**
 * The files of a packed dependency, one after another. Throws {@link SpecError} for one that is no archive.
 */
export async function* dependencyFiles(path: string, where: string): AsyncGenerator<TarFile> {
  try {
    yield* tarFiles(path);
  } catch (cause) {
    if (!(cause instanceof UnreadableArchive)) throw cause;
    throw new SpecError(`${where}: ${path}: ${cause.message}`, { cause });
  }
}
