import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redactor } from '../../../src/engine/redact.ts';
import { foundAnswers } from '../../../src/flows/install/answers.ts';
import { givenAnswers } from '../../../src/flows/install/given-answers.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { noAnswers } from '../../fixtures/in-process-host/host.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const product = productSchema.parse(tinyProduct);
const answers = async (fqdn: string) => {
  const sources = { product, valuesPath: '/nowhere/values.yaml', state: undefined, redactor: new Redactor() };
  return foundAnswers({ ...sources, ...(await givenAnswers({ ...noAnswers, fqdn })) });
};

test('an address is no name for the ingress, and neither is what ends as one does', async () => {
  for (const fqdn of ['10.0.0.5', '127.0.0.1', '::1', 'fe80::1', '1.2', 'wells.1', '42'])
    await assert.rejects(answers(fqdn), { code: 'usage', message: /is an IP address/ }, fqdn);
  for (const fqdn of ['wells', 'wells.example.com', '10.example', '1a', 'x-1.y2'])
    assert.equal((await answers(fqdn)).fqdn, fqdn);
  for (const fqdn of ['', 'Wells', 'a_b', '-a', `${'a'.repeat(64)}.com`, 'a..b', 'a.'])
    await assert.rejects(answers(fqdn), { code: 'usage' }, fqdn);
});
