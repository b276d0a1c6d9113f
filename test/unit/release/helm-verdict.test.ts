import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HelmAftermath, helmVerdict } from '../../../src/release/helm-verdict.ts';

const rolledBack: HelmAftermath = {
  from: '2026.1',
  to: '2026.2',
  release: 'rolled-back',
  releaseStatus: 'deployed, revision 3: Rollback to 1',
  schema: { kind: 'unchanged', version: 3, compared: true },
  healthy: true,
};

test('rolled back, schema unchanged and healthy is the harmless failure', () => {
  const { code, message } = helmVerdict(rolledBack);
  assert.equal(code, 'rolled_back');
  assert.match(message, /rolled the release back to 2026\.1, and it answers/);
  assert.match(message, /schema is unchanged \(version 3\)/);
});

test('a schema that moved outweighs everything else', () => {
  for (const other of [{}, { healthy: false }, { release: 'failed' as const }]) {
    const schema = { kind: 'moved', before: 3, after: 5 } as const;
    const { code, message } = helmVerdict({ ...rolledBack, ...other, schema });
    assert.equal(code, 'schema_moved');
    assert.match(message, /moved from version 3 to 5/);
    assert.match(message, /the dump from before has to be restored/);
  }
});

test('anything short of a proved return to the old release is a failure to continue from', () => {
  for (const other of [
    { healthy: false },
    { healthy: undefined },
    { release: 'failed' as const, releaseStatus: 'failed, revision 2: timed out' },
    { release: 'unknown' as const },
    { schema: { kind: 'unknown', why: 'the database did not answer' } as const },
  ]) {
    assert.equal(helmVerdict({ ...rolledBack, ...other }).code, 'failed');
  }
});

test('a part of a migration needs the restore as a whole one does, and is named', () => {
  const difference = { table: 1, column: 3 };
  const schema = { kind: 'changed', version: 3, difference } as const;
  const { code, message } = helmVerdict({ ...rolledBack, schema });
  assert.equal(code, 'schema_moved');
  assert.match(message, /changed although its version is still 3: 1 table, 3 columns\./);
  assert.match(message, /the dump from before has to be restored/);
});

test('a database that cannot be asked has neither moved nor stayed, in code and message', () => {
  const schema = { kind: 'unknown', why: 'the database did not answer' } as const;
  const { code, message } = helmVerdict({ ...rolledBack, schema });
  assert.equal(code, 'failed');
  assert.match(message, /not known: the database did not answer/);
  assert.doesNotMatch(message, /unchanged|has moved from/);
});

test('what runs is reported as it is, not as the record says: the old release is never missing while it serves', () => {
  const stands = {
    release: 'old-runs' as const,
    releaseStatus: 'pending-upgrade, revision 2: Preparing upgrade',
  };
  const { code, message } = helmVerdict({ ...rolledBack, ...stands });
  assert.equal(code, 'failed');
  assert.match(message, /All workloads of 2026\.1 run and are ready.*pending-upgrade.*The product answers/);
  assert.doesNotMatch(message, /did not bring/);
  assert.match(helmVerdict({ ...rolledBack, release: 'unknown' }).message, /is not known/);
});

test('after a change of the major version a failure is exit 8 although the schema has not moved', () => {
  const { code, message } = helmVerdict({ ...rolledBack, release: 'failed', newMajor: 17 });
  assert.equal(code, 'schema_moved');
  assert.match(message, /The data are PostgreSQL 17's since then, which the server of 2026\.1 cannot read/);
  assert.match(message, /its own data folder has to come back/);
});
