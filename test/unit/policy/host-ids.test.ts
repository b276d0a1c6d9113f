import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostMatch, matchHostids } from '../../../src/policy/host-ids.ts';

const host = {
  macAddresses: ['0050569b1234', '0050569b9999'],
  addresses: ['10.1.2.3', 'fe80::1'],
  hostName: 'wells.example.com',
};

const cases: [string[], HostMatch][] = [
  [[], 'this host'],
  [['ANY'], 'this host'],
  [['any'], 'this host'],
  [['DEMO'], 'this host'],
  [['0050569b1234'], 'this host'],
  [['0050569B9999'], 'this host'],
  [['00:50:56:9b:12:34'], 'this host'],
  [['ETHER=0050569b1234'], 'this host'],
  [['0050569b0000'], 'another host'],
  [['0050569b0000', '0050569b1234'], 'this host'],
  [['0050569b0000', 'ID=123456'], 'unknown'],
  [['ID=123456'], 'unknown'],
  [['DISPLAY=wells'], 'unknown'],
  [['USER=joe'], 'unknown'],
  [['FLEXID=9-b28520b9'], 'unknown'],
  [['807f01ab'], 'unknown'],
  [['HOSTNAME=wells.example.com'], 'this host'],
  [['hostname=WELLS.example.com'], 'this host'],
  [['HOSTNAME=wells'], 'unknown'],
  [['HOSTNAME=wells.example.org'], 'another host'],
  [['HOSTNAME=other'], 'another host'],
  [['HOSTNAME='], 'unknown'],
  [['INTERNET=10.1.2.3'], 'this host'],
  [['INTERNET=10.1.*.*'], 'this host'],
  [['INTERNET=10.1.2.30'], 'another host'],
  [['INTERNET=x'], 'unknown'],
];

for (const [hostids, match] of cases)
  test(`HOSTID="${hostids.join(' ')}" is ${match}`, () => assert.equal(matchHostids(hostids, host), match));

test('a host of which nothing could be read matches no id and refuses none', () => {
  const blank = { macAddresses: [], addresses: [], hostName: '' };
  for (const id of ['0050569b1234', 'HOSTNAME=wells', 'INTERNET=10.1.2.3'])
    assert.equal(matchHostids([id], blank), 'unknown');
});
