import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { readProduct, readRelease } from '../../../src/payload/documents.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/** The release of a file that another packer made, with these texts of its version. */
function packedBy(scheme: string | undefined, inIndex: string, inRelease: string, notes: string[] = []) {
  const product = { ...tinyProduct, versions: { ...tinyProduct.versions, scheme } };
  const release = {
    version: inRelease,
    schema: { min: 1, target: 2 },
    postgresMajor: 15,
    notes: notes.map((version) => ({ version, lines: ['x'] })),
  };
  const documents: Record<string, unknown> = { 'product.json': product, 'release.json': release };
  const file = {
    displayName: 'FILE',
    identity: { product: 'tiny', title: 'Tiny', command: 'tiny', version: inIndex },
    readEntry: async (name: string) => Buffer.from(`${JSON.stringify(documents[name], null, 1)}\n`),
    product: () => readProduct(file),
  };
  return readRelease(file);
}

test('a release has one text of each version, whatever text its packer wrote', async () => {
  for (const [scheme, inIndex, inRelease, one] of [
    [undefined, '2026.1', '2026.1', '2026.1'],
    [undefined, '2026.1.0', '2026.1.0', '2026.1'],
    ['calver', '2026.1', '2026.1.0', '2026.1'],
    ['semver', '2.2.0+5', '2.2.0+5', '2.2.0'],
    ['semver', '2.2.0', '2.2.0+5', '2.2.0'],
    ['semver', '2026.1.0', '2026.1.0', '2026.1.0'],
  ] as const) {
    const { version, notes } = await packedBy(scheme, inIndex, inRelease, [inRelease]);
    assert.deepEqual([version, notes[0]?.version], [one, one]);
  }
});

test('a version that is none of the scheme, or another one than the index has, is refused', async () => {
  for (const [scheme, inIndex, inRelease, message] of [
    [
      'semver',
      '2026.1',
      '2026.1',
      /release\.json's version is "2026\.1", which is not a version of the form/,
    ],
    ['semver', 'v2.2.0', 'v2.2.0', /"v2\.2\.0", .*: write 2\.2\.0/],
    [undefined, '2.2.0', '2.2.0', /"2\.2\.0", which is not a version of the form YYYY\.N/],
    ['semver', '2.2.1', '2.2.0', /release\.json's version is 2\.2\.0, and its index\.json says 2\.2\.1/],
    [undefined, '2026.1-rc.1', '2026.1', /its index\.json says 2026\.1-rc\.1/],
    ['pep440', '2026.1', '2026.1', /product\.json is not what this program reads/],
  ] as const)
    await assert.rejects(packedBy(scheme, inIndex, inRelease), (error: unknown) => {
      assert.ok(error instanceof IvaapError, String(error));
      assert.deepEqual([error.code, message.test(error.message)], ['payload', true], error.message);
      return true;
    });
});
