import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthRoute } from '../../../src/payload/product-schema.ts';
import type { StepContext } from '../../../src/release/context.ts';
import { healthStep } from '../../../src/steps/health.ts';
import { healthStepId } from '../../../src/release/health-route.ts';

const route: HealthRoute = {
  id: 'admin',
  title: 'Admin',
  path: '/admin/health',
  port: 80,
  expectStatus: 200,
  selector: 'app=admin',
  timeoutSeconds: 1,
};

test('a step that was waived runs again, one that passed does not', async () => {
  const { reuse } = healthStep(route, 'upgrade', []);
  const out = (found: object) => ({ health_admin: { url: 'http://host/admin/health', ...found } });
  await assert.rejects(reuse!({} as StepContext, out({ waived: 'TLS' })), /waived, not passed/);
  await reuse!({} as StepContext, out({ status: 200 }));
});

test('the step of a route is named after its flow', () => {
  assert.equal(healthStepId('install', 'admin'), 'health_admin');
  assert.equal(healthStep(route, 'upgrade', []).id, 'upgrade_health_admin');
});
