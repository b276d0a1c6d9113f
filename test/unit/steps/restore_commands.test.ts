import assert from 'node:assert/strict';
import { test } from 'node:test';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { restoreCommands } from '../../../src/steps/restore_commands.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const product = productSchema.parse(tinyProduct);

test('a dump is loaded under another name, and only a whole one takes the place of the database', () => {
  const commands = restoreCommands(product, {
    pod: 'db-0',
    dumpPath: '/opt/tiny/.installer/backups/20260101T000000Z/tinydb.sql',
    owner: 'tiny',
  });
  assert.equal(commands.length, 3);
  const [create = '', load = '', swap = ''] = commands;
  assert.equal(create, 'k3s kubectl exec -n tiny db-0 -c db -- createdb -U tiny -O tiny tinydb_restored');
  assert.match(load, /ON_ERROR_STOP=1 .*--single-transaction < \/opt\/tiny\/\.installer\/backups/);
  assert.match(swap, /BEGIN.*tinydb" RENAME TO "tinydb_moved".*tinydb_restored" RENAME TO "tinydb".*COMMIT/);
});

test('names that a shell would take apart are quoted', () => {
  const [, load = ''] = restoreCommands(product, { pod: 'db-0', dumpPath: "/a b/it's.sql", owner: 'x' });
  assert.ok(load.endsWith(String.raw`< '/a b/it'\''s.sql'`));
});
