import { isDeepStrictEqual } from 'node:util';

/**
 * Paths of the keys that only one of two documents has, or that have other values, as `server.pool.size`;
 * lists are compared whole. No value is in it.
 */
export function changedKeys(left: unknown, right: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(left, right)) return [];
  if (!isMapping(left) || !isMapping(right)) return [path.join('.')];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return keys.flatMap((key) => changedKeys(left[key], right[key], [...path, key]));
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
