import { IvaapError } from '../errors.ts';

/** What the graph's rules need of a step. */
export interface Node {
  id: string;
  needs: readonly string[];
}

/**
 * The nodes in an order in which each follows what it needs, otherwise as given.
 * Throws IvaapError `bug` for a double id, an unknown need or a cycle.
 */
export function sortGraph<N extends Node>(nodes: readonly N[]): N[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  if (byId.size !== nodes.length) throw new IvaapError('bug', 'two steps of one graph have the same id');
  const sorted = new Set<N>();
  const path: string[] = [];
  const visit = (node: N): void => {
    if (sorted.has(node)) return;
    if (path.includes(node.id)) {
      throw new IvaapError(
        'bug',
        `steps depend on each other in a circle: ${[...path, node.id].join(' -> ')}`,
      );
    }
    path.push(node.id);
    for (const need of node.needs) {
      const needed = byId.get(need);
      if (!needed) throw new IvaapError('bug', `step ${node.id} needs ${need}, which is not in its graph`);
      visit(needed);
    }
    path.pop();
    sorted.add(node);
  };
  for (const node of nodes) visit(node);
  return [...sorted];
}

/** Ids of all nodes that need `id`, directly or through others. */
export function dependantsOf(nodes: readonly Node[], id: string): Set<string> {
  const found = new Set<string>();
  let grown = true;
  while (grown) {
    grown = false;
    for (const node of nodes) {
      if (found.has(node.id)) continue;
      if (node.needs.some((need) => need === id || found.has(need))) {
        found.add(node.id);
        grown = true;
      }
    }
  }
  return found;
}
