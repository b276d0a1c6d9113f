import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { licenseText, parseLicense } from '../../../src/policy/entitlements.ts';
import { linesOf, parseFlexnet } from '../../../src/policy/flexnet.ts';
import {
  compareFeatureVersions,
  flexnetCount,
  flexnetDate,
  portAtHost,
} from '../../../src/policy/flexnet-values.ts';

const read = (text: string) => {
  const found = parseFlexnet(text);
  assert.ok(found !== undefined);
  return found;
};

test('a licence file as vendors write it', () => {
  const found = read(`# Made for Example Energy
SERVER lic1.example.com 0050569b1234 27000
VENDOR acmed "/opt/flex lm/acmed" options="/opt/flex lm/acmed.opt" port=27010
USE_SERVER
FEATURE WITSML acmed 2026.1 31-dec-2027 10 HOSTID=ANY ISSUED=01-jan-2026 \\
\tSIGN="0011 2233 4455 \\
\t6677" NOTICE="Example # Energy"
INCREMENT PPDM acmed 54 permanent uncounted VENDOR_STRING=x SIGN=8899AABB # remark
`);
  assert.deepEqual(found.servers, [{ host: 'lic1.example.com', port: 27000 }]);
  assert.equal(found.useServer, true);
  assert.deepEqual(found.problems, []);
  const [witsml] = linesOf(found, 'WITSML');
  assert.deepEqual(
    { ...witsml },
    {
      name: 'WITSML',
      vendor: 'acmed',
      version: '2026.1',
      expires: { known: true, value: '2027-12-31' },
      starts: { known: true, value: null },
      count: 10,
      hostids: ['ANY'],
      line: 5,
      damage: undefined,
    },
  );
  const [ppdm] = linesOf(found, 'PPDM');
  assert.equal(ppdm?.count, 'uncounted');
  assert.deepEqual(ppdm?.expires, { known: true, value: null });
  assert.ok(found.secrets.has('8899AABB'));
  assert.ok([...found.secrets].some((secret) => secret.startsWith('0011 2233 4455')));
});

test('a triad, servers without a port, addresses of version 6, a daemon of old', () => {
  const { servers } = read(
    [
      'SERVER a.example 1 27001',
      'server b HOSTNAME=b TCP:27002',
      'Server ::1 "0050569b1234 0050569b1235"',
      'DAEMON d',
    ].join('\n'),
  );
  assert.deepEqual(servers, [
    { host: 'a.example', port: 27001 },
    { host: 'b', port: 27002 },
    { host: '::1', port: undefined },
  ]);
});

test('what cannot be a host is no argument of a program', () => {
  for (const host of ['-c', '--help', '$(id)', 'a;b', 'a b'.slice(0, 1) + '\u0007', "'", 'fe80::1%eth0']) {
    const found = read(`SERVER ${host} ANY 27000\nVENDOR d`);
    assert.deepEqual(found.servers, [], host);
    assert.equal(found.problems.length, 1);
    assert.ok(!found.problems[0]!.includes(host));
  }
  const { servers, problems } = read('SERVER a ANY 70000\nSERVER a ANY 0');
  assert.deepEqual(servers, []);
  assert.equal(problems.length, 2);
});

test('line ends of all systems, blanks behind a backslash, comments between, a backslash in a comment', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = [
      '# C:\\licences\\',
      'FEATURE A d 1.0 \\  ',
      '# between',
      '  permanent 3 \\',
      ' HOSTID="0050569b1234 \\',
      ' 0050569b1235"',
      'FEATURE B d 1.0 permanent 1',
    ].join(end);
    const found = read(text);
    assert.deepEqual(found.problems, []);
    assert.equal(linesOf(found, 'A')[0]?.count, 3);
    assert.deepEqual(linesOf(found, 'A')[0]?.hostids, ['0050569b1234', '0050569b1235']);
    assert.equal(linesOf(found, 'B').length, 1);
  }
});

test('a line that the end of the file or an open quote cuts off is marked as damaged', () => {
  const cut = read('FEATURE A d 1.0 permanent 1 \\');
  assert.equal(linesOf(cut, 'A')[0]?.damage, 'the file ends in it');
  assert.deepEqual(cut.problems, ['line 1: the file ends in it']);
  const open = read('FEATURE A d 1.0 permanent 1 SIGN="00\nFEATURE B d 1.0 permanent 1');
  assert.equal(linesOf(open, 'A')[0]?.damage, 'a quote is not closed');
  assert.equal(linesOf(open, 'B')[0]?.damage, undefined);
});

test('packages give their components, upgrades raise what is there, both only where a line enables them', () => {
  const found = read(`PACKAGE SUITE d 2.0 COMPONENTS="A B:1.5 C:3.0:4"
FEATURE SUITE d 2.0 1-jan-2030 5
PACKAGE OTHER d 1.0 COMPONENTS=D
UPGRADE E d 1.0 2.0 permanent 1
INCREMENT E d 1.2 permanent 1
UPGRADE F d 1.0 2.0 permanent 1
UPGRADE E other
`);
  assert.deepEqual(
    ['A', 'B', 'C'].map((name) => linesOf(found, name).map(({ version, count }) => [version, count])),
    [[['2.0', 5]], [['1.5', 5]], [['3.0', 5]]],
  );
  assert.deepEqual(linesOf(found, 'D'), []);
  assert.deepEqual(linesOf(found, 'F'), []);
  assert.deepEqual(
    linesOf(found, 'E').map(({ version }) => version),
    ['1.2', '2.0'],
  );
  assert.deepEqual(found.problems, ['line 7: UPGRADE lacks its name, vendor or versions']);
});

test('features that come several times: INCREMENT lines all count, of FEATURE lines it is said', () => {
  const found = read(`FEATURE A d 1 1-jan-2020 1
FEATURE A d 1 permanent 2
INCREMENT B d 1 permanent 2
INCREMENT B d 1 permanent 3
`);
  assert.equal(linesOf(found, 'A').length, 2);
  assert.deepEqual([...found.repeated], ['A']);
  assert.deepEqual(
    linesOf(found, 'B').map(({ count }) => count),
    [2, 3],
  );
});

test('names of features keep their case, keywords and keys do not need one', () => {
  const found = read('feature witsml d 1.0 PERMANENT Uncounted hostid=any Start=1-Feb-2030');
  assert.equal(linesOf(found, 'WITSML').length, 0);
  const [line] = linesOf(found, 'witsml');
  assert.deepEqual(line?.hostids, ['any']);
  assert.deepEqual(line?.starts, { known: true, value: '2030-02-01' });
});

test('a file that only says where the server is', () => {
  const found = read('# the server\n27000@lic.example\n');
  assert.deepEqual(found.servers, [{ host: 'lic.example', port: 27000 }]);
  assert.equal(found.useServer, true);
  assert.equal(read('27000@a,@b,27002@[::1]').servers.length, 3);
});

test('port@host', () => {
  assert.deepEqual(portAtHost('@lic'), [{ host: 'lic', port: undefined }]);
  assert.deepEqual(portAtHost('27000@[2001:db8::1]'), [{ host: '2001:db8::1', port: 27000 }]);
  for (const text of ['', '@', 'a@b', '27000@', '1@a,2@b', '0@a', '65536@a', '27000@-c', 'license.lic'])
    assert.equal(portAtHost(text), undefined, text);
});

test('dates', () => {
  const days: Record<string, string | null> = {
    permanent: null,
    PERMANENT: null,
    '1-jan-0': null,
    '1-jan-00': null,
    '01-JAN-0000': null,
    '31-dec-2027': '2027-12-31',
    '1-Feb-2028': '2028-02-01',
    '29-feb-2028': '2028-02-29',
    '30-oct-26': '2026-10-30',
    '30-oct-99': '1999-10-30',
  };
  for (const [text, value] of Object.entries(days))
    assert.deepEqual(flexnetDate(text), { known: true, value }, text);
  for (const text of [
    '31-feb-2027',
    '0-jan-2027',
    '2027-12-31',
    '1-mai-2027',
    '1-jan-202',
    'x',
    '',
    undefined,
  ])
    assert.equal(flexnetDate(text).known, false, text);
});

test('counts and versions', () => {
  assert.deepEqual(
    ['0', '00', 'uncounted', 'UNCOUNTED', '12', '-1', '1.5', '', undefined, '99999999999'].map(flexnetCount),
    [
      'uncounted',
      'uncounted',
      'uncounted',
      'uncounted',
      12,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ],
  );
  const compared: [string, string, number | undefined][] = [
    ['1.10', '1.1', 0],
    ['1.9', '1.10', 1],
    ['54', '6', 1],
    ['2026.1', '2026.2', -1],
    ['v2', '2.0', 0],
    ['x', '1', undefined],
    ['1', '1.2.3', undefined],
  ];
  for (const [one, other, result] of compared)
    assert.equal(compareFeatureVersions(one, other), result, `${one} ${other}`);
});

test('files of an old license manager have code and host id as words', () => {
  const found = read('FEATURE A d 1.000 1-jan-2030 0 1A2B3C4D5E6F "" 0050569b1234');
  assert.deepEqual(linesOf(found, 'A')[0]?.hostids, ['0050569b1234']);
  assert.ok(found.secrets.has('1A2B3C4D5E6F'));
});

/** As the files of a licence come: what is refused, and what is read all the same. */
const feature = 'FEATURE WITSML d 2026.1 permanent 1 SIGN="SECRET-1234"\n';
const files: [name: string, bytes: Buffer, refused?: RegExp][] = [
  ['CRLF', Buffer.from(feature.replace('\n', '\r\n'))],
  ['a byte order mark', Buffer.from(`\ufeff${feature}`)],
  ['Latin-1', Buffer.from(`# Müller GmbH\n${feature}`, 'latin1')],
  ['2 MB', Buffer.from(feature + `FEATURE F d 1 permanent 1 SIGN=${'A'.repeat(100)}\n`.repeat(15_000))],
  ['continuation at the end of the file', Buffer.from(`${feature}FEATURE B d 1 \\`)],
  ['NUL bytes', Buffer.from(`${feature}\0\0`), /is not UTF-8 text/],
  ['UTF-16', Buffer.from(`\ufeff${feature}`, 'utf16le'), /is not UTF-8 text/],
  ['empty', Buffer.alloc(0), /is empty/],
  ['blanks', Buffer.from(' \r\n'), /is empty/],
  ['something else', Buffer.from('hello SECRET\n'), /is not JSON, and has no line/],
  ['broken JSON', Buffer.from('{"entitlements": ["SECRET'), /is not JSON/],
];
for (const [name, bytes, refused] of files) {
  test(`a licence file: ${name}`, () => {
    const parse = () =>
      parseLicense(licenseText(bytes), '/l', { CONNECTOR: { feature: 'WITSML' }, OTHER: {} });
    if (refused === undefined) {
      const { entitlements, flexnet } = parse();
      assert.deepEqual(entitlements, ['CONNECTOR']);
      assert.ok(!JSON.stringify(flexnet?.problems).includes('SECRET'));
      return;
    }
    assert.throws(parse, (error: IvaapError) => {
      assert.match(error.message, refused);
      assert.ok(!error.message.includes('SECRET'));
      return error instanceof IvaapError && error.code === 'usage';
    });
  });
}

test('what is wrong with a file is said a limited number of times', () => {
  const { problems } = read('FEATURE A d 1 x y\n'.repeat(5000));
  assert.equal(problems.length, 20);
  assert.match(problems.at(-1)!, /^\d+ more of the kind$/);
});
