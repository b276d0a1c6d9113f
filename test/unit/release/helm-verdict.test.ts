import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HelmAftermath, helmVerdict } from '../../../src/release/helm-verdict.ts';

const rolledBack: HelmAftermath = {
  from: '2026.1',
  to: '2026.2',
  release: 'rolled-back',
  releaseStatus: 'deployed, revision 3: Rollback to 1',
  schemaBefore: 3,
  schemaAfter: 3,
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
    const { code, message } = helmVerdict({ ...rolledBack, ...other, schemaAfter: 5 });
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
    { schemaAfter: undefined },
    { schemaBefore: undefined },
  ]) {
    assert.equal(helmVerdict({ ...rolledBack, ...other }).code, 'failed');
  }
});

test('a database that cannot be asked has neither moved nor stayed, in code and message', () => {
  for (const unknown of [{ schemaAfter: undefined }, { schemaBefore: undefined }]) {
    const { code, message } = helmVerdict({ ...rolledBack, ...unknown });
    assert.equal(code, 'failed');
    assert.match(message, /not known/);
    assert.doesNotMatch(message, /unchanged|has moved from/);
  }
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
