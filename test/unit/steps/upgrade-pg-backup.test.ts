import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bootId, uptimeSeconds } from '../../../src/host/system.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { ageMinutes } from '../../../src/backup/stale-dump.ts';
import { upgradePgBackup } from '../../../src/steps/upgrade_pg_backup.ts';

const folder = mkdtempSync(join(tmpdir(), 'dump-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'tiny.sql');
mkdirSync(folder, { recursive: true });
writeFileSync(path, 'x');
writeFileSync(join(folder, 'globals.sql'), '');

const takenAt = '2026-05-01T10:00:00.000Z';
const minutesLater = (minutes: number) => new Date(Date.parse(takenAt) + minutes * 60_000);
const thisBoot = (minutesAgo: number) => ({ id: bootId(), uptimeSeconds: uptimeSeconds() - minutesAgo * 60 });
const out = {
  pgDump: { folder, path, sizeBytes: 1, sha256: 'x', rows: 1, owner: 'o', schemaVersion: 1, takenAt },
};

function context(minutes: number, run: object = {}, release = { status: 'deployed', appVersion: '2026.2' }) {
  return {
    product: { backup: { maxAgeMinutes: 60 } },
    run: () => ({ steps: {}, ...run }),
    helm: { current: () => Promise.resolve(release) },
    values: { sha256: 'v' },
    to: '2026.2',
    now: () => minutesLater(minutes),
  } as unknown as UpgradeContext;
}
const reuse = async (ctx: UpgradeContext) => upgradePgBackup.reuse?.(ctx, out);

test('a dump is used again while it is young, and not when it was taken in the future by the clock', async () => {
  await upgradePgBackup.verify?.(context(0), out);
  await reuse(context(59));
  await assert.rejects(reuse(context(61)), /older than 60 minutes/);
  await assert.rejects(reuse(context(-1)), /by the clock/);
  // Its own attempt may have taken longer than that.
  await upgradePgBackup.verify?.(context(300), out);
});

test('within one boot a clock that was set back makes no dump younger', () => {
  const age = (boot: { id: string; uptimeSeconds: number } | undefined, minutes: number) =>
    Math.round(ageMinutes({ takenAt, boot }, minutesLater(minutes)));
  assert.equal(age(thisBoot(90), 30), 90);
  assert.equal(age({ ...thisBoot(90), id: 'another boot' }, 30), 30);
  assert.equal(age(undefined, 30), 30);
  assert.equal(age(thisBoot(5), -55), -55);
});

test('once Helm has started in this run the dump is taken again, unless Helm has completed and its release is unchanged', async () => {
  const started = { noReturnAt: takenAt };
  await assert.rejects(reuse(context(1, started)), /Helm has started since/);
  const left = {
    helm: { revision: 2, version: '2026.2', values: 'v' },
    schema: { before: 1, after: 2, target: 2 },
    release: 'tiny',
  };
  const helm = (status: string) => ({ status, out: left });
  const completed = { ...started, steps: { upgrade_helm: helm('completed') } };
  await reuse(context(1, completed));
  await assert.rejects(reuse(context(1, completed, { status: 'failed', appVersion: '2026.2' })), /Helm/);
  await assert.rejects(reuse(context(1, { ...started, steps: { upgrade_helm: helm('stale') } })), /Helm/);
  await assert.rejects(
    reuse({ ...context(1, completed), values: { sha256: 'edited' } } as UpgradeContext),
    /Helm/,
  );
  // Helm of a run that this one has superseded: what it left is not what this run's dump was taken from.
  await reuse(context(1, { pointOfNoReturn: { at: takenAt, step: 'upgrade_helm', data: {} } }));
});
