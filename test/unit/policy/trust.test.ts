import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedAgain } from '../../../src/commands/again.ts';
import { install } from '../../../src/commands/install.ts';
import type { IvaapError } from '../../../src/errors.ts';
import type { TrustFacts } from '../../../src/policy/trust.ts';
import { decideTrust, parseTrustKey, refusedTrust, uncompared } from '../../../src/policy/trust.ts';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const c = 'c'.repeat(64);

const facts = (
  known: TrustFacts['known'],
  signer: string | null,
  more: Partial<TrustFacts> = {},
): TrustFacts => ({
  known,
  carrier: 'the installed release',
  productToFollow: 'tiny',
  product: 'tiny',
  signer,
  handedOverBy: [],
  ...more,
});

const table: [what: string, facts: TrustFacts, wanted: string][] = [
  ['the same key', facts(a, a), 'same'],
  ['unsigned after unsigned', facts(null, null), 'same'],
  ['another key', facts(a, b), 'refused'],
  ['unsigned after signed', facts(a, null), 'refused'],
  ['signed after unsigned', facts(null, b), 'signed'],
  ['signed after nobody knows', facts(undefined, b), 'first'],
  ['unsigned after nobody knows', facts(undefined, null), 'first'],
  ['another key that is named', facts(a, b, { named: b }), 'named'],
  ['another key than the named one', facts(a, b, { named: c }), 'refused'],
  ['another key while the installed one is named', facts(a, b, { named: a }), 'refused'],
  ['the same key while another is named', facts(a, a, { named: b }), 'refused'],
  ['the same key that is named', facts(a, a, { named: a }), 'same'],
  ['unsigned after signed, named', facts(a, null, { named: 'unsigned' }), 'named'],
  ['signed while unsigned is named', facts(a, b, { named: 'unsigned' }), 'refused'],
  ['unsigned while a key is named', facts(null, null, { named: a }), 'refused'],
  ['nobody knows, and another is named', facts(undefined, b, { named: a }), 'refused'],
  ['nobody knows, and it is named', facts(undefined, b, { named: b }), 'named'],
  ['a hand-over by the installed key', facts(a, b, { handedOverBy: [c, a] }), 'handed over'],
  ['a hand-over by a third key', facts(a, b, { handedOverBy: [c] }), 'refused'],
  ['a hand-over, and another key is named', facts(a, b, { handedOverBy: [a], named: c }), 'refused'],
  ['the same key, of another product', facts(a, a, { product: 'other' }), 'refused'],
  ['another product, handed over to', facts(a, b, { product: 'other', handedOverBy: [a] }), 'refused'],
  ['another product, named', facts(a, b, { product: 'other', named: b }), 'refused'],
  ['another product, unsigned both', facts(null, null, { product: 'other' }), 'refused'],
  ['any product where there is none to follow', facts(undefined, b, { productToFollow: undefined }), 'first'],
  ['the key under which the run was begun', facts(a, b, { begun: b }), 'begun'],
  ['unsigned, and so the run was begun', facts(a, null, { begun: null }), 'begun'],
  ['another key than the run was begun under', facts(a, b, { begun: c }), 'refused'],
  ['another key, the run begun under the installed one', facts(a, b, { begun: a }), 'refused'],
];

for (const [what, given, wanted] of table) {
  test(`${what}: ${wanted}`, () => {
    const decision = decideTrust(given);
    assert.equal(decision.kind === 'trusted' ? decision.how : decision.kind, wanted);
    if (given.product !== 'tiny') return assert.match(decision.because, /product other, .* to tiny$/);
    const named = [given.signer, ...(wanted === 'refused' && given.named === undefined ? [given.known] : [])];
    for (const key of named)
      if (typeof key === 'string' && wanted !== 'same') assert.match(decision.because, new RegExp(key));
  });
}

const refusal = (given: TrustFacts): IvaapError => {
  const decision = decideTrust(given);
  assert.ok(decision.kind === 'refused');
  return refusedTrust(
    '/media/new',
    decision,
    given,
    typedAgain('./prod', ['install', '--upgrade'], install.options),
  );
};

test('a refusal is exit 4 with both fingerprints, the command that accepts it and what to do before', () => {
  const error = refusal(facts(a, b));
  assert.deepEqual([error.code, error.exitCode], ['payload', 4]);
  assert.equal(
    error.message,
    `/media/new is not trusted: it is signed by ${b}, and the installed release is signed by ${a}`,
  );
  assert.match(error.hint!, new RegExp(`another channel .*: ./prod install --upgrade --trust-key ${b}$`));
});

test('a refused unsigned file has its way spelled out; a wrong --trust-key is not answered with the right one', () => {
  assert.match(refusal(facts(a, null)).hint!, / --trust-key unsigned$/);
  const { message, hint } = refusal(facts(a, b, { named: c }));
  assert.match(message, new RegExp(`signed by ${b}, .* --trust-key names \\(${c}\\)$`));
  assert.doesNotMatch(hint!, /--trust-key/);
});

test('what was compared with nothing is said, unless the operator named the key', () => {
  for (const known of [null, undefined]) {
    for (const signer of [null, b])
      assert.match(uncompared(facts(known, signer))!, /nothing could be compared/);
    assert.equal(uncompared(facts(known, b, { named: b })), undefined);
  }
  assert.equal(uncompared(facts(a, a)), undefined);
});

test('--trust-key is a fingerprint or the word unsigned', () => {
  assert.equal(
    parseTrustKey(a.toUpperCase(), () => 'x'),
    a,
  );
  assert.equal(
    parseTrustKey('unsigned', () => 'x'),
    'unsigned',
  );
  assert.equal(
    parseTrustKey(undefined, () => 'x'),
    undefined,
  );
  for (const text of ['', 'a', `${a}a`, 'none', a.slice(1), ` ${a}`, 'Unsigned']) {
    assert.throws(() => parseTrustKey(text, () => 'x'), { code: 'usage' }, text);
  }
});
