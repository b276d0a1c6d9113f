import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNameFault } from '../../../src/policy/host-name.ts';

test('names that browsers and the API server take', () => {
  for (const name of ['wells', 'wells.example.com', '10.example', '1a', 'x-1.y2', 'xn--mnchen-3ya.example'])
    assert.equal(hostNameFault(name), undefined, name);
  assert.equal(
    hostNameFault(`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`),
    undefined,
  );
});

const faults: [name: string, what: RegExp, fix: RegExp][] = [
  ['10.0.0.5', /is an IP address/, /a name that resolves/],
  ['fe80::1', /is an IP address/, /./],
  ['[::1]', /is an IP address/, /./],
  ['wells.1', /is an IP address/, /./],
  ['10.0.0.5.', /is an IP address/, /./],
  ['Wells.Example', /capital letters/, /^wells\.example$/],
  ['wells.example.', /ends with a dot/, /^wells\.example$/],
  ['oil_wells.example', /underscore/, /^oil-wells\.example$/],
  ['Oil_Wells.example.', /dot/, /^oil-wells\.example$/],
  ['Oil_.example', /capital letters/, /^lower-case letters/],
  ['münchen.example', /outside of ASCII/, /xn--mnchen-3ya\.example$/],
  ['xn--99999999.example', /no punycode/, /./],
  [`${'a'.repeat(64)}.example`, /more than 63 characters/, /./],
  [`${'a.'.repeat(130)}com`, /more than 253 characters/, /./],
  ['wells example', /spaces or control characters/, /./],
  ['wells\u0007', /spaces or control characters/, /./],
  ['-wells', /not a valid host name/, /./],
  ['a..b', /not a valid host name/, /./],
  ['', /not a valid host name/, /./],
];

for (const [name, what, fix] of faults) {
  test(`the name ${JSON.stringify(name.slice(0, 30))} is refused with what to write instead`, () => {
    const fault = hostNameFault(name);
    assert.match(fault?.what ?? '', what);
    assert.match(fault?.fix ?? '', fix);
  });
}

test('an example of a name is of no product', () => {
  for (const name of ['10.0.0.1', 'a', '-x', 'x y'])
    assert.doesNotMatch(hostNameFault(name)?.fix ?? '', /wells/, name);
});
