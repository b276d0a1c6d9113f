import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readImports } from '../../../scripts/import-graph.ts';

/** An upgrade never uninstalls: what only an uninstall may do is out of its reach. */

const imports = readImports(join(import.meta.dirname, '../../../src'));

/** Every module that is loaded with a file, whoever names it. */
function reachedFrom(file: string): Set<string> {
  const reached = new Set<string>();
  const visit = (one: string): void => {
    if (reached.has(one)) return;
    reached.add(one);
    for (const { file: from, target, typeOnly } of imports)
      if (from === one && target !== undefined && !typeOnly) visit(target);
  };
  visit(file);
  return reached;
}

const isUninstall = (file: string) => /^(flows\/uninstall|steps\/uninstall_|commands\/uninstall)/.test(file);

test("the graph of an upgrade's flow reaches no part of the uninstall", () => {
  const reached = reachedFrom('flows/upgrade/flow.ts');
  assert.ok(reached.has('steps/upgrade_helm.ts') && reached.has('steps/health.ts'), [...reached].join(', '));
  assert.deepEqual([...reached].filter(isUninstall), []);
  // Nor what removes anything: Helm's own uninstall, unpinned names, the end of a host.
  for (const file of ['release/helm-uninstall.ts', 'release/remove-from-path.ts'])
    assert.ok(!reached.has(file), file);
});

test('the walk would see it: the command reaches all of it', () => {
  const reached = [...reachedFrom('commands/uninstall.ts')].filter(isUninstall);
  assert.ok(reached.includes('steps/uninstall_data.ts') && reached.length >= 15, reached.join(', '));
});
