/** Levenshtein's distance: single characters inserted, removed or replaced. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === b[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

const lastPart = (name: string) => name.slice(name.lastIndexOf('/') + 1);

/**
 * The names that were most likely meant by `wanted`, best first: by edit distance of the whole or of the last
 * part, or as a part of it.
 */
export function nearestNames(wanted: string, names: readonly string[], count = 3): string[] {
  const lower = wanted.toLowerCase();
  const scored = names.map((name) => {
    const candidate = name.toLowerCase();
    const contained = lower.length > 2 && candidate.includes(lower);
    const distance = Math.min(
      editDistance(lower, candidate),
      editDistance(lastPart(lower), lastPart(candidate)) + 0.5,
    );
    return { name, score: contained ? 0.25 : distance };
  });
  const near = scored.filter(({ score }) => score <= Math.max(3, wanted.length / 3));
  near.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return near.slice(0, count).map(({ name }) => name);
}
