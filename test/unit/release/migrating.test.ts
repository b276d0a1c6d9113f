import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { StepContext } from '../../../src/release/context.ts';
import { mayMigrate } from '../../../src/release/migrating.ts';
import type { Trouble } from '../../../src/release/troubles.ts';

const folder = mkdtempSync(join(tmpdir(), 'migrating-'));
after(() => rmSync(folder, { recursive: true }));
const values = join(folder, 'values.yaml');

interface World {
  flag?: string;
  schema?: number;
  sessions?: string | Error;
}

function context({ flag = 'on', schema = 3, sessions = '1' }: World, asked: string[] = []): StepContext {
  writeFileSync(values, `migrate: "${flag}"\n`);
  return {
    paths: { values },
    release: { schema: { target: 5 } },
    product: {
      values: { autoMigrate: { path: ['migrate'], on: 'on', workload: 'server' } },
      workloads: [{ id: 'server', kind: 'Deployment', name: 'server' }],
      database: { schemaVersionQuery: 'select' },
    },
    database: {
      schemaVersion: async () => schema,
      query: async (sql: string) => {
        asked.push(sql);
        if (sessions instanceof Error) throw sessions;
        return [[sessions]];
      },
    },
  } as unknown as StepContext;
}

const trouble = (fields: Partial<Trouble> = {}): Trouble => ({
  kind: 'unready',
  workload: 'Deployment/server',
  message: 'runs but is not ready',
  pods: ['server-1'],
  addresses: ['10.42.0.7'],
  runs: false,
  ofHook: false,
  ofRelease: true,
  overdue: true,
  probe: undefined,
  event: undefined,
  log: undefined,
  ...fields,
});

test('a pod that is at work on the schema is never mistaken for one that hangs', async () => {
  const asked: string[] = [];
  assert.equal(await mayMigrate(context({}, asked), trouble()), true);
  assert.match(asked[0] ?? '', /'10\.42\.0\.7'/);
  assert.equal(
    await mayMigrate(context({ sessions: new Error('away') }), trouble()),
    true,
    'unknown is at work',
  );
  assert.equal(await mayMigrate(context({ sessions: '' }), trouble()), true, 'an empty answer is no answer');
  assert.equal(await mayMigrate(context({}), trouble({ addresses: [] })), true, 'nobody knows its sessions');
});

test('what has crashed and runs again may be at work; between two runs it is not', async () => {
  assert.equal(await mayMigrate(context({}), trouble({ kind: 'crash', runs: true })), true);
  assert.equal(await mayMigrate(context({}), trouble({ kind: 'crash', runs: false })), false);
});

test('without a session, at the target, switched off or of another workload nothing migrates', async () => {
  for (const world of [{ sessions: '0' }, { schema: 5 }, { flag: 'off' }]) {
    assert.equal(await mayMigrate(context(world), trouble()), false, JSON.stringify(world));
  }
  assert.equal(await mayMigrate(context({}), trouble({ workload: 'Deployment/other' })), false);
  assert.equal(await mayMigrate(context({}), trouble({ kind: 'image' })), false, 'nothing of it runs');
});
