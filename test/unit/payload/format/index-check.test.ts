import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { indexContradiction } from '../../../../src/payload/format/index-check.ts';
import type { PayloadIndex } from '../../../../src/payload/format/index-schema.ts';
import { indexSchema } from '../../../../src/payload/format/index-schema.ts';
import type { TinyPayload } from '../../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../../fixtures/tiny-payload.ts';
import { openPayload } from '../../../../src/payload/open-payload.ts';

describe('an index', () => {
  let tiny: TinyPayload;
  let indexEnd: number;
  before(async () => {
    tiny = await makeTinyPayload();
    const payload = await openPayload(tiny.path);
    ({ indexEnd } = payload);
    await payload.close();
  });
  after(() => tiny.remove());

  const contradiction = (change: (index: PayloadIndex) => void) => {
    const index = structuredClone(tiny.index);
    change(index);
    return indexContradiction(index, indexEnd, tiny.index.fileSize);
  };

  it('of a packed file agrees with itself', () => {
    assert.equal(
      contradiction(() => {}),
      undefined,
    );
  });

  it('is refused when places, names, sizes or references contradict each other', () => {
    const cases: [(index: PayloadIndex) => void, RegExp][] = [
      [(index) => (index.fileSize += 1), /describes a file of/],
      [(index) => index.chunks.hashes.pop(), /chunks for/],
      [(index) => (index.entries[1]!.name = 'product.json'), /duplicate name product\.json/],
      [(index) => (index.entries[1]!.name = 'index.json'), /duplicate name index\.json/],
      [(index) => (index.entries[2]!.offset -= 200), /no local header fits before/],
      [(index) => (index.entries[2]!.size += 1_000_000), /no local header fits before/],
      [(index) => (index.entries.at(-1)!.size += 1), /entries end at/],
      [(index) => index.entries.pop(), /entries end at/],
      [(index) => (index.images[0]!.layers[0]!.size += 1), /blob .* is missing/],
      [(index) => (index.images[1]!.reference = index.images[0]!.reference), /duplicate image reference/],
      [(index) => (index.archives[0]!.images = ['x:y']), /names x:y/],
      [(index) => (index.archives[1]!.name = 'tools/helm'), /duplicate name tools\/helm/],
      [(index) => (index.tools['helm']!.entry = 'tools/other'), /tools\/other is missing/],
    ];
    for (const [change, message] of cases) assert.match(contradiction(change) ?? '', message);
  });

  it('is refused by its schema for names that leave the archive', () => {
    for (const name of ['/etc/passwd', '../up', 'a/../b', 'a//b', './a', 'a/.', 'a b', 'a\u001b[31m', '']) {
      const index = structuredClone(tiny.index);
      index.entries[0]!.name = name;
      assert.equal(indexSchema.safeParse(index).success, false, name);
    }
  });
});
