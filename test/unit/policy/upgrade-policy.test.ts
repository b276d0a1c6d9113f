import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedAgain } from '../../../src/commands/again.ts';
import { install } from '../../../src/commands/install.ts';
import { IvaapError } from '../../../src/errors.ts';
import type { UpgradeFacts } from '../../../src/policy/upgrade-policy.ts';
import { decideUpgrade, requireUpgrade } from '../../../src/policy/upgrade-policy.ts';

const digestOf = (version: string) => `digest of ${version}`;

function facts(from: string | undefined, to: string, change: Partial<UpgradeFacts> = {}): UpgradeFacts {
  return {
    command: './prod',
    again: typedAgain('./prod', ['install', '--upgrade', '--dry-run'], install.options),
    installed: from === undefined ? undefined : { version: from, payloadDigest: digestOf(from) },
    lastRun: undefined,
    target: { version: to, payloadDigest: digestOf(to) },
    schemaNow: undefined,
    flags: { reapply: false, acceptUnsupported: false, supersede: false },
    limits: { minimumSource: '2026.1', maxMajorStep: 1, legacyGuide: 'Upgrade from 2025.x' },
    ...change,
  };
}

const unfinished = (to: string, change: Partial<NonNullable<UpgradeFacts['lastRun']>> = {}) => ({
  flow: 'upgrade',
  status: 'failed' as const,
  to,
  payloadDigest: digestOf(to),
  binary: `/packages/${to}/prod`,
  resume: `/packages/${to}/prod install --resume`,
  helmStarted: { versions: [to], schemaBefore: 5 },
  ...change,
});
const accept = { flags: { reapply: false, acceptUnsupported: true, supersede: false } };
const reapply = { flags: { reapply: true, acceptUnsupported: false, supersede: false } };
const supersede = { flags: { reapply: false, acceptUnsupported: false, supersede: true } };

test('the table of paths: same major and the next one are supported, a downgrade and a skipped major are not', () => {
  for (const [from, to, kind] of [
    ['2026.1', '2026.2', 'allowed'],
    ['2026.1', '2026.1.1', 'allowed'],
    ['2026.1', '2027.1', 'allowed'],
    ['2026.9', '2027.0', 'allowed'],
    ['2026.2-rc.1', '2026.2', 'allowed'],
    ['2026.1', '2028.1', 'refused'],
    ['2027.1', '2026.2', 'refused'],
    ['2026.2', '2026.2-rc.1', 'refused'],
    ['2025.9', '2026.2', 'refused'],
    ['2026.1-rc.1', '2026.2', 'refused'],
    ['2026.1', '2026.1', 'nothing-to-do'],
    [undefined, '2026.2', 'refused'],
  ] as const) {
    assert.equal(decideUpgrade(facts(from, to)).kind, kind, `${from} to ${to}`);
  }
});

test('consent unlocks a skipped major and nothing else', () => {
  const skipped = decideUpgrade(facts('2026.1', '2028.1', accept));
  assert.equal(skipped.kind, 'allowed');
  assert.match(skipped.kind === 'allowed' ? skipped.notes.join() : '', /not supported/);
  for (const [from, to] of [
    ['2027.1', '2026.2'],
    ['2025.9', '2026.2'],
    [undefined, '2026.2'],
  ] as const) {
    for (const flags of [accept, { flags: { reapply: true, acceptUnsupported: true, supersede: false } }]) {
      assert.equal(decideUpgrade(facts(from, to, flags)).kind, 'refused', `${from} to ${to}`);
    }
  }
});

test('a refusal says why and what to do', () => {
  const refusal = (given: UpgradeFacts) => {
    const decision = decideUpgrade(given);
    assert.equal(decision.kind, 'refused');
    return decision.kind === 'refused' ? `${decision.message}; ${decision.hint ?? ''}` : '';
  };
  assert.match(refusal(facts('2026.1', '2028.1')), /2 majors.*2027\.x.*--accept-unsupported-upgrade/);
  assert.match(refusal(facts('2027.1', '2026.2')), /downgrade/);
  assert.match(refusal(facts('2025.9', '2026.2')), /older than 2026\.1.*Upgrade from 2025\.x/);
  assert.match(refusal(facts(undefined, '2026.2')), /Upgrade from 2025\.x/);
  const halfInstalled = { lastRun: unfinished('2026.1', { flow: 'install' }) };
  assert.match(
    refusal(facts(undefined, '2026.2', halfInstalled)),
    /install of 2026\.1.*\/packages\/2026\.1\/prod install --resume;/,
  );
});

test('the same version and payload is nothing to do, unless the last run is unfinished or --reapply is given', () => {
  const done = { lastRun: unfinished('2026.1', { status: 'completed' }) };
  const decision = decideUpgrade(facts('2026.1', '2026.1', done));
  assert.equal(decision.kind, 'nothing-to-do');
  assert.match(decision.kind === 'nothing-to-do' ? decision.hint : '', /--reapply/);
  const again = decideUpgrade(facts('2026.1', '2026.1', { ...done, ...reapply }));
  assert.equal(again.kind === 'allowed' && again.how, 'fresh');
  const rest = decideUpgrade(facts('2026.1', '2026.1', { lastRun: unfinished('2026.1') }));
  assert.equal(rest.kind === 'allowed' && rest.how, 'continue');
  const repacked = facts('2026.1', '2026.1', { target: { version: '2026.1', payloadDigest: 'another' } });
  assert.equal(decideUpgrade(repacked).kind, 'allowed');
});

test('an unfinished upgrade resumes with its own payload; --reapply starts it afresh', () => {
  const lastRun = unfinished('2026.2');
  const goesOn = decideUpgrade(facts('2026.1', '2026.2', { lastRun }));
  assert.equal(goesOn.kind === 'allowed' && goesOn.how, 'continue');
  const afresh = decideUpgrade(facts('2026.1', '2026.2', { lastRun, ...reapply }));
  assert.equal(afresh.kind === 'allowed' && afresh.how, 'fresh');
  const cutOff = decideUpgrade(facts('2026.1', '2026.2', { lastRun: { ...lastRun, status: 'running' } }));
  assert.equal(cutOff.kind === 'allowed' && cutOff.how, 'continue');
});

test('another payload over an unfinished upgrade is refused with both ways out, whether or not Helm has started', () => {
  for (const helmStarted of [undefined, { versions: ['2026.3'], schemaBefore: 5 }]) {
    for (const to of ['2026.3', '2027.1']) {
      const lastRun = unfinished('2026.3', { helmStarted, payloadDigest: 'another' });
      const decision = decideUpgrade(facts('2026.1', to, { lastRun }));
      assert.ok(decision.kind === 'refused', to);
      assert.match(decision.message, /upgrade to 2026\.3, started by \/packages\/2026\.3\/prod/);
      assert.match(
        decision.hint ?? '',
        /\/packages\/2026\.3\/prod install --upgrade --dry-run;.*prod install --upgrade --dry-run --supersede/,
      );
      const over = decideUpgrade(facts('2026.1', to, { lastRun, ...supersede }));
      assert.ok(over.kind === 'allowed');
      assert.deepEqual([over.from, over.to, over.how], ['2026.1', to, 'fresh']);
      assert.match(over.notes.join(), /unfinished upgrade to 2026\.3 is closed/);
    }
  }
});

test('typed again, --supersede resumes its own run', () => {
  const decision = decideUpgrade(facts('2026.1', '2026.2', { lastRun: unfinished('2026.2'), ...supersede }));
  assert.equal(decision.kind === 'allowed' && decision.how, 'continue');
  const alone = decideUpgrade(facts('2026.1', '2026.2', supersede));
  assert.equal(alone.kind === 'allowed' && alone.how, 'new');
});

test('once Helm has started, an older payload needs a schema that is proved unchanged, --supersede or not', () => {
  // Superseded before: Helm was started for 2026.3, the last run is one to 2026.2.1.
  const helmStarted = { versions: ['2026.3', '2026.2.1'], schemaBefore: 5 as number | undefined };
  const over = (schemaNow: number | undefined, change = {}) => {
    const lastRun = unfinished('2026.2.1', { helmStarted: { ...helmStarted, ...change } });
    return decideUpgrade(facts('2026.1', '2026.2', { lastRun, schemaNow, ...supersede }));
  };
  const words = (decision: ReturnType<typeof over>) => ('message' in decision ? decision.message : '');
  assert.equal(over(5).kind, 'allowed');
  const differing = facts('2026.1', '2026.2', {
    lastRun: unfinished('2026.2.1', { helmStarted }),
    schemaNow: 5,
    schemaDiffers: '1 table',
    ...supersede,
  });
  const allowed = decideUpgrade(differing);
  assert.match(allowed.kind === 'allowed' ? allowed.notes.join() : '', /but it differs: 1 table/);
  assert.match(words(over(6)), /started for 2026\.3.*older.*moved from version 5 to 6/);
  assert.match(words(over(undefined)), /counts as moved/);
  assert.match(words(over(5, { schemaBefore: undefined })), /counts as moved/);
  const unasked = facts('2026.1', '2026.2', { lastRun: unfinished('2026.3'), schemaNow: 5 });
  assert.match(words(decideUpgrade(unasked)), /is not finished/);
  const newer = facts('2026.1', '2026.4', { lastRun: unfinished('2026.3'), ...supersede });
  assert.equal(decideUpgrade(newer).kind, 'allowed');
  const early = unfinished('2026.3', { helmStarted: undefined });
  assert.equal(decideUpgrade(facts('2026.1', '2026.2', { lastRun: early, ...supersede })).kind, 'allowed');
});

test('as an error a refusal is exit 5, nothing to do is exit 10, a text that is no version is exit 5', () => {
  const exitOf = (given: UpgradeFacts) => {
    try {
      requireUpgrade(given);
      return 0;
    } catch (error) {
      return error instanceof IvaapError ? error.exitCode : -1;
    }
  };
  assert.equal(exitOf(facts('2026.1', '2026.2')), 0);
  assert.equal(exitOf(facts('2026.1', '2026.1')), 10);
  assert.equal(exitOf(facts('2027.1', '2026.1')), 5);
  assert.equal(exitOf(facts('junk', '2026.1')), 5);
});

const semver = (change: Partial<UpgradeFacts['limits']> = {}): Partial<UpgradeFacts> => ({
  limits: {
    scheme: 'semver',
    minimumSource: '1.8.0',
    maxMajorStep: 1,
    legacyGuide: 'Upgrade from 1.7',
    ...change,
  },
});

test('the same policy holds for a product that counts by semver', () => {
  for (const [from, to, kind] of [
    ['2.2.0', '2.2.1', 'allowed'],
    ['2.2.0', '3.0.0', 'allowed'],
    ['2.2.0', '4.0.0', 'refused'],
    ['2.2.0', '2.1.9', 'refused'],
    ['2.10.0', '2.9.0', 'refused'],
    ['2.2.0-rc.1', '2.2.0', 'allowed'],
    ['2.2.0', '2.2.0-rc.1', 'refused'],
    ['1.8.0-rc.1', '2.2.0', 'refused'],
    ['1.7.9', '2.2.0', 'refused'],
    ['1.8.0', '2.2.0', 'allowed'],
    ['2.2.0', '2.2.0+5', 'allowed'],
    ['2.2.0+4', '2.2.0+5', 'allowed'],
  ] as const)
    assert.equal(decideUpgrade(facts(from, to, semver())).kind, kind, `${from} to ${to}`);
  const skipped = decideUpgrade(facts('2.2.0', '4.0.0', semver()));
  assert.ok(skipped.kind === 'refused' && skipped.hint?.startsWith('upgrade to 3.x first'));
  const rebuilt = facts('2.2.0+5', '2.2.0', {
    ...semver(),
    target: { version: '2.2.0', payloadDigest: digestOf('2.2.0+5') },
  });
  assert.equal(decideUpgrade(rebuilt).kind, 'nothing-to-do');
  const named = decideUpgrade(facts('2.2.0+4', '2.3.0+1', semver()));
  assert.deepEqual(named.kind === 'allowed' && [named.from, named.to], ['2.2.0', '2.3.0']);
});

test('a text of another scheme is no version', () => {
  for (const [from, to, change] of [
    ['2026.1', '2.2.0', semver()],
    ['2.2.0', '2026.1', semver()],
    ['2.2.0', '2026.1', {}],
    ['v2.2.0', '2.3.0', semver()],
  ] as const)
    assert.throws(() => decideUpgrade(facts(from, to, change)), {
      code: 'version',
      message: /which is not a version of the form/,
    });
});

test('no flag passes over a required release; the refusal names the first one', () => {
  const stops = semver({ requiredReleases: ['3.0.0', '2.8.0'], maxMajorStep: 9 });
  const all = { reapply: true, acceptUnsupported: true, supersede: true };
  for (const [from, to, first] of [
    ['2.2.0', '2.9.0', '2.8.0'],
    ['2.2.0', '3.4.0', '2.8.0'],
    ['2.8.0-rc.1', '2.9.0', '2.8.0'],
    ['2.8.0', '3.4.0', '3.0.0'],
    ['2.8.3+5', '3.0.1', '3.0.0'],
    ['2.2.0', '2.8.0', undefined],
    ['2.2.0', '2.7.9', undefined],
    ['2.8.0', '3.0.0', undefined],
    ['2.8.0', '3.0.0-rc.1', undefined],
    ['3.0.0', '3.4.0', undefined],
  ] as const) {
    for (const flags of [all, { reapply: false, acceptUnsupported: false, supersede: false }]) {
      const decision = decideUpgrade(facts(from, to, { ...stops, flags }));
      assert.equal(decision.kind, first === undefined ? 'allowed' : 'refused', `${from} to ${to}`);
      if (decision.kind !== 'refused') continue;
      assert.ok(decision.message.includes(`passes over ${first}, which has to be installed`));
      assert.equal(
        decision.hint,
        `upgrade to ${first} first, with its own package; then: ./prod install --upgrade --dry-run`,
      );
    }
  }
  const calver = {
    minimumSource: '2026.1',
    maxMajorStep: 1,
    legacyGuide: '',
    requiredReleases: ['2026.3.0'],
  };
  const passed = decideUpgrade(facts('2026.1', '2026.4', { limits: calver }));
  assert.ok(passed.kind === 'refused' && passed.hint?.startsWith('upgrade to 2026.3 first'));
});
