/** Levels that no file of ours or of an operator needs; every function that calls itself survives them. */
export const mostLevels = 400;

/**
 * Whether lists and mappings are nested deeper than that. What aliases share is measured once; what contains
 * itself counts as too deep.
 */
export function isNestedTooDeep(value: unknown): boolean {
  const heights = new Map<object, number>();
  const heightOf = (one: unknown, level: number): number => {
    if (typeof one !== 'object' || one === null) return 0;
    if (level > mostLevels) return Infinity;
    const measured = heights.get(one);
    if (measured !== undefined) return measured;
    let height = 1;
    for (const inside of Object.values(one)) {
      height = Math.max(height, 1 + heightOf(inside, level + 1));
      if (level + height > mostLevels + 1) return Infinity;
    }
    heights.set(one, height);
    return height;
  };
  return heightOf(value, 1) > mostLevels;
}
