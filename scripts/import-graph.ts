import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** One import of a source file: static, dynamic or of types alone. */
export interface Import {
  /** Path below the folder that was read, as `target` is. */
  file: string;
  line: number;
  /** As it is written. */
  specifier: string;
  /** Undefined for a package or a module of Node. */
  target: string | undefined;
  typeOnly: boolean;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** TypeScript files below the folder, as paths below it. */
export function typescriptFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** Every import below the folder, file by file. */
export function readImports(root: string): Import[] {
  return typescriptFiles(root).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(importPattern)].map((match) => {
      const specifier = match[2] ?? match[3] ?? '';
      const line = text.slice(0, match.index).split('\n').length + (match[0].startsWith('\n') ? 1 : 0);
      const target = specifier.startsWith('.')
        ? relative(root, resolve(root, dirname(file), specifier))
        : undefined;
      return { file, line, specifier, target, typeOnly: match[1] !== undefined };
    });
  });
}

/**
 * Files that import each other, in one list for each circle; type imports and dynamic ones count (Tarjan's
 * components).
 */
export function importCircles(imports: readonly Import[]): string[][] {
  const graph = new Map<string, Set<string>>();
  const targets = (file: string) => graph.get(file) ?? graph.set(file, new Set()).get(file)!;
  for (const { file, target } of imports) if (target !== undefined) targets(file).add(target);
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    let low = order.size;
    order.set(file, low);
    lowest.set(file, low);
    stack.push(file);
    for (const next of targets(file)) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    lowest.set(file, low);
    if (low === order.get(file)) {
      const members = stack.splice(stack.indexOf(file));
      if (members.length > 1 || targets(file).has(file)) circles.push(members.sort());
    }
    return low;
  };
  for (const file of [...graph.keys()].sort()) if (!order.has(file)) visit(file);
  return circles;
}

/**
 * How often each layer imports each other one: rows import, columns are imported. `names` gives the order.
 */
export function layerMatrix(
  imports: readonly Import[],
  layerOf: (file: string) => string,
  names: readonly string[],
): string[] {
  const count = (from: string, to: string) =>
    imports.filter(
      ({ file, target }) => target !== undefined && layerOf(file) === from && layerOf(target) === to,
    ).length;
  const rows = names.map((from) => [from, ...names.map((to) => String(count(from, to) || '.'))]);
  const table = [['', ...names], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
}
