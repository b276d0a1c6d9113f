import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sortGraph } from '../../../src/engine/graph.ts';
import { installSteps } from '../../../src/flows/install/steps.ts';
import { upgradeSteps } from '../../../src/flows/upgrade/steps.ts';

const health = ['backend', 'admin'].map((id) => ({
  id,
  title: id,
  path: `/${id}/health`,
  port: 80,
  expectStatus: 200,
  selector: `app=${id}`,
  timeoutSeconds: 1,
}));

test('the upgrade has the documented steps in their order', () => {
  const steps = upgradeSteps({ health });
  assert.deepEqual(
    sortGraph(steps).map(({ id }) => id),
    [
      'upgrade_preflight',
      'upgrade_detect',
      'upgrade_pg_backup',
      'upgrade_snapshot',
      'upgrade_chart_swap',
      'upgrade_load_images',
      'upgrade_migrate',
      'upgrade_helm',
      'upgrade_health_backend',
      'upgrade_health_admin',
    ],
  );
});

test('only loading images leaves the chain, between detecting and adapting the values', () => {
  const needs = new Map(upgradeSteps({ health }).map((step) => [step.id, step.needs]));
  assert.deepEqual(needs.get('upgrade_load_images'), ['upgrade_detect']);
  assert.deepEqual(needs.get('upgrade_migrate'), ['upgrade_chart_swap', 'upgrade_load_images']);
  needs.delete('upgrade_load_images');
  const ids = [...needs.keys()];
  for (const [place, id] of ids.entries()) {
    if (place > 0) assert.ok(needs.get(id)?.includes(ids[place - 1] ?? ''), `${id} follows its neighbour`);
  }
});

test('the fresh install is a chain of the documented steps', () => {
  const steps = installSteps({ health });
  assert.deepEqual(
    steps.map(({ id }) => id),
    [
      'preflight',
      'license',
      'namespace',
      'secrets',
      'postgres',
      'values',
      'chart',
      'load_images',
      'helm_deploy',
      'health_backend',
      'health_admin',
    ],
  );
  for (const [place, { needs }] of steps.entries()) {
    assert.deepEqual(needs, place === 0 ? [] : [steps[place - 1]?.id]);
  }
});

test('steps that lose data when they are taken back say so', () => {
  const destructive = installSteps({ health }).filter((step) => step.undo?.destructive === true);
  assert.deepEqual(
    destructive.map(({ id }) => id),
    ['namespace', 'secrets', 'postgres', 'helm_deploy'],
  );
});
