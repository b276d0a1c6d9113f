import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { renderValues } from '../../../src/release/values-template.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const product = productSchema.parse({
  ...tinyProduct,
  values: {
    ...tinyProduct.values,
    keys: { fqdn: ['ingress', 'host'], storagePath: ['db', 'path'] },
    autoMigrate: {
      path: ['env', 'MIGRATE'],
      on: 'true',
      off: 'false',
      workload: 'server',
      restartSelector: 'app=server',
    },
  },
  entitlements: { TINY_CONNECTOR: { connector: 'alpha', enabledPath: ['connectors', 'alpha', 'enabled'] } },
});
const answers = { fqdn: 'wells.example.com', storagePath: '/srv/db', entitlements: ['TINY_CONNECTOR'] };

test('the template gets the answers, migrations on and the connectors of the licence; comments stay', () => {
  const template =
    "# keep me\ningress:\n  host: '{{fqdn}}' # name\ndb:\n  path: " +
    "'{{storagePath}}'\nenv:\n  MIGRATE: 'false'\nconnectors:\n  alpha:\n    enabled: " +
    'false\n';
  const text = renderValues(product, template, answers, false);
  assert.deepEqual(parse(text), {
    ingress: { host: 'wells.example.com' },
    db: { path: '/srv/db' },
    env: { MIGRATE: 'true' },
    connectors: { alpha: { enabled: true } },
  });
  assert.match(text, /# keep me/);
  assert.match(text, /# name/);
});

test("what an operator's own file says is left as it is, and what it lacks is added", () => {
  const text = renderValues(
    product,
    "env:\n  MIGRATE: 'false'\nconnectors:\n  alpha:\n    enabled: false\n",
    answers,
    true,
  );
  assert.deepEqual(parse(text), {
    env: { MIGRATE: 'false' },
    connectors: { alpha: { enabled: false } },
    ingress: { host: 'wells.example.com' },
    db: { path: '/srv/db' },
  });
});

test('a file that says it all already comes back byte for byte', () => {
  const text =
    "ingress: { host:   'wells.example.com' }\ndb:\n    path: /srv/db\nenv: " +
    "{MIGRATE: 'false'}\nconnectors:\n  alpha: {enabled: false}\n";
  assert.equal(renderValues(product, text, answers, true), text);
});

test("what an operator's file merges from elsewhere in it counts as said", () => {
  const text =
    'x: &x {host: wells.example.com}\ningress:\n  <<: *x\ndb: {path: ' +
    "/srv/db}\nenv: {MIGRATE: 'false'}\nconnectors:\n  alpha: {enabled: false}\n";
  assert.equal(renderValues(product, text, answers, true), text);
});
