import assert from 'node:assert/strict';
import { it } from 'node:test';
import { staleSchemas } from '../../../build/schemas.ts';

it('the JSON Schemas in payload-spec/ are those of the code; `node build/schemas.ts` writes them', () => {
  assert.deepEqual(staleSchemas(), []);
});
