import { foreign } from '../foreign.ts';
import type { ActivateResult } from '../queries/activate-schema.ts';

const ways = {
  link: 'the file itself',
  reflink: 'a copy that shares its blocks',
  copy: 'a copy',
} as const;

/** What is on PATH now, or was removed from it. */
export function activateLines(result: ActivateResult): string[] {
  const { active, changed, version, how, executable, names, folders, removed, left, notes } = result;
  if (!active) {
    return [
      changed
        ? `Removed from PATH: ${removed.length} files and folders.`
        : 'Nothing of this product is on PATH.',
      ...removed.map((path) => `  removed  ${path}`),
      ...left.map(({ path, why }) => `  left     ${path}: ${foreign(why)}`),
    ];
  }
  return [
    `${names.join(', ')}: ${changed ? 'on PATH now' : 'on PATH already'}, version ${version ?? ''}.`,
    `  in         ${folders.join(', ')}`,
    `  lead to    ${executable ?? ''} (${how === null ? '' : ways[how]})`,
    '  completion works in a new shell; in bash it needs the package bash-completion of your system',
    ...notes.map((note) => `  note       ${note}`),
  ];
}
