import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLicense } from '../../../src/policy/entitlements.ts';
import { verdictText } from '../../../src/policy/license-text.ts';
import {
  expiredOn,
  grantedNow,
  judgeEntitlement,
  withServerAnswer,
} from '../../../src/policy/license-verdict.ts';
import { readLmstat } from '../../../src/policy/lmstat.ts';
import { lmstatForms, type LmstatForm } from '../../fixtures/lmstat-output.ts';

const names = { CONNECTOR: { feature: 'WITSML', leastVersion: '2026.1' }, PPDM: {} };
const host = { macAddresses: ['0050569b1234'], addresses: [], hostName: 'wells' };
const judging = { names, now: new Date('2026-11-27T12:00:00Z'), host };
const license = (text: string) => parseLicense(text, '/l', names);
const judged = (text: string) => judgeEntitlement(license(text), 'CONNECTOR', judging);

const line = 'FEATURE WITSML d';
const verdicts: [text: string, verdict: string][] = [
  [`${line} 2026.1 permanent uncounted`, 'granted, does not expire'],
  [`${line} 2027 1-jan-0 4`, 'granted, does not expire'],
  [`${line} 2026.1 27-nov-2026 1`, 'granted, expires today (2026-11-27)'],
  [`${line} 2026.1 28-nov-2026 1`, 'granted, expires in 1 day (2026-11-28)'],
  [`${line} 2026.1 27-nov-26 1`, 'granted, expires today (2026-11-27)'],
  [`${line} 2026.1 26-nov-2026 1`, 'expired on 2026-11-26'],
  [`${line} 2026.0 permanent 1`, 'older version: its version is lower than 2026.1'],
  [`${line} 1.0 permanent 1\nINCREMENT WITSML d 2026.1 permanent 1`, 'granted, does not expire'],
  [`${line} x permanent 1`, 'unknown: its version is no number'],
  [`${line} 2026.1 31-feb-2027 1`, 'unknown: line 1: a date cannot be read'],
  [`${line} 2026.1 permanent many`, 'unknown: the number of licences cannot be read'],
  [`${line} 2026.1 permanent 1 START=1-jan-2027`, 'not yet valid: valid from 2027-01-01'],
  [`${line} 2026.1 permanent 1 START=27-nov-2026`, 'granted, does not expire'],
  [`${line} 2026.1 permanent 1 HOSTID=ANY`, 'granted, does not expire'],
  [`${line} 2026.1 permanent 1 HOSTID=0050569b1234`, 'granted, does not expire'],
  [`${line} 2026.1 permanent 1 HOSTID=0050569b0000`, 'other host: its HOSTID is not one of this host'],
  [
    `${line} 2026.1 permanent 1 HOSTID=DISPLAY=x`,
    'unknown: its HOSTID is of a kind that cannot be compared here',
  ],
  [`${line} 2026.1 permanent 1 \\`, 'unknown: line 1: the file ends in it'],
  ['FEATURE witsml d 2026.1 permanent 1', 'missing'],
  ['SERVER lic ANY\nUSE_SERVER', 'unknown: the licence names only a server, which decides'],
  ['{"entitlements":["CONNECTOR"]}', 'granted, does not expire'],
  ['{"entitlements":["CONNECTOR"],"expires":"2026-12-07"}', 'granted, expires in 10 days (2026-12-07)'],
  ['{"entitlements":["CONNECTOR"],"expires":"2026-11-26"}', 'expired on 2026-11-26'],
  ['{"entitlements":["WITSML"]}', 'missing'],
];
for (const [text, verdict] of verdicts)
  test(`${text.replaceAll('\n', ' / ')}: ${verdict}`, () => assert.equal(verdictText(judged(text)), verdict));

test('INCREMENT lines add up, of those that expire the last counts', () => {
  const found = judged('INCREMENT WITSML d 2026.1 1-jan-2027 2\nINCREMENT WITSML d 2026.2 1-jan-2028 3');
  assert.equal(found.count, 5);
  assert.equal(found.expires, '2028-01-01');
});

test('of an expired licence what it names stays known, and nothing is granted', () => {
  const expired = license(`${line} 2026.1 1-jan-2025 1\nFEATURE PPDM d 1 1-jan-2024 1`);
  assert.deepEqual(expired.entitlements, ['CONNECTOR', 'PPDM']);
  assert.deepEqual(grantedNow(expired, judging), []);
  assert.equal(expiredOn(expired, judging), '2025-01-01');
  assert.equal(
    expiredOn(license(`${line} 2026.1 1-jan-2025 1\nFEATURE PPDM d 1 permanent 1`), judging),
    undefined,
  );
});

const file = license(`SERVER lic ANY\nVENDOR d\n${line} 2026.1 permanent 10`);
const onlyServer = license('27000@lic');
const answers: [form: LmstatForm, ofFile: string, ofServer: string][] = [
  [
    'some are in use',
    'granted, does not expire',
    'granted, expires on 2030-10-30: the licence server says so',
  ],
  [
    'the one there is is in use',
    'granted, does not expire: all of them are in use',
    'granted, does not expire: all of them are in use',
  ],
  ['expired', 'denied: the server’s licence expired on 2020-10-30', 'expired on 2020-10-30'],
  [
    'an old version',
    'denied: on the server its version is lower than 2026.1',
    'older version: its version is lower than 2026.1',
  ],
  ['uncounted', 'granted, does not expire', 'unknown: the server does not say its version'],
  ['none issued', 'denied: the server has 0 licences of it', 'denied: the server has 0 licences of it'],
  ['no such feature', 'denied: the server has no such feature', 'denied: the server has no such feature'],
  [
    'unsupported',
    'denied: the server does not support its licences',
    'denied: the server does not support its licences',
  ],
  ['cannot connect', 'granted, does not expire', 'unknown: the licence names only a server, which decides'],
  ['nothing', 'granted, does not expire', 'unknown: the licence names only a server, which decides'],
];
for (const [form, ofFile, ofServer] of answers) {
  test(`with lmstat: ${form}`, () => {
    const { feature } = readLmstat(lmstatForms[form]('WITSML'), 'WITSML');
    const text = (of: typeof file) =>
      verdictText(
        withServerAnswer(judgeEntitlement(of, 'CONNECTOR', judging), feature, 'CONNECTOR', judging),
      );
    assert.equal(text(file), ofFile);
    assert.equal(text(onlyServer), ofServer);
  });
}

test('where a licence may be used is not for the server to say', () => {
  const { feature } = readLmstat(lmstatForms['some are in use']('WITSML'), 'WITSML');
  const own = judged(`${line} 2026.1 permanent 1 HOSTID=DISPLAY=x`);
  assert.deepEqual(withServerAnswer(own, feature, 'CONNECTOR', judging), own);
});

test('no word of a server makes a licence valid that is not', () => {
  const { feature } = readLmstat(lmstatForms['some are in use']('WITSML'), 'WITSML');
  for (const text of [
    `${line} 2026.1 1-jan-2025 1`,
    `${line} 1.0 permanent 1`,
    'FEATURE PPDM d 1 permanent 1',
  ]) {
    const own = judged(text);
    assert.equal(withServerAnswer(own, feature, 'CONNECTOR', judging).status, own.status);
  }
});
