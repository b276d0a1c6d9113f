import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckContext } from '../../../src/checks/context.ts';
import { license as check } from '../../../src/checks/license.ts';
import type { HostFacts } from '../../../src/checks/facts.ts';
import { type Product, productSchema } from '../../../src/payload/product-schema.ts';
import { licenseText, parseLicense } from '../../../src/policy/entitlements.ts';
import { usedEntitlements } from '../../../src/policy/used-entitlements.ts';
import { inForce } from '../../../src/release/license-file.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/** The check of preflight with the values and licences that an operator may have. */

const product = productSchema.parse({
  ...tinyProduct,
  entitlements: {
    WITSML: { connector: 'alpha', enabledPath: ['connectors', 'alpha', 'enabled'] },
    PPDM: { connector: 'beta', enabledPath: ['connectors', 'beta', 'enabled'] },
  },
  license: { secret: 'tiny-license', key: 'license.json', server: 'required' },
});
const optional: Product = { ...product, license: { ...product.license!, server: 'optional' } };

const now = new Date('2026-11-27T12:00:00Z');
const read = (text: string) => {
  const bytes = Buffer.from(text);
  return { text, bytes, ...parseLicense(licenseText(bytes), '/l', product.entitlements) };
};
const enabled = (...names: string[]) =>
  `connectors:\n${names.map((name) => `  ${name}: { enabled: true }\n`).join('')}other: 1\n`;

interface Given {
  flow: 'install' | 'upgrade';
  text?: string;
  values?: string;
  of?: Product;
}

async function measured({ flow, text, values, of = product }: Given) {
  const license = text === undefined ? undefined : read(text);
  const valid = license === undefined ? undefined : inForce(license, of, now);
  const connectors = { alpha: values?.includes('alpha') ?? false, beta: values?.includes('beta') ?? false };
  const root = {
    connectors: { alpha: { enabled: connectors.alpha }, beta: { enabled: connectors.beta } },
  };
  const ctx = {
    flow,
    product: of,
    license: flow === 'install' ? valid : license,
    entitlements: [
      ...new Set([
        ...(valid?.entitlements ?? []),
        ...usedEntitlements(of.entitlements, { values: root, derived: {} }),
      ]),
    ],
    values: { root },
    state: { derived: {} },
    runner: { run: () => Promise.reject(new Error('nothing is started')) },
    payload: { index: async () => ({ tools: {} }) },
    signal: new AbortController().signal,
    now: () => now,
  } as unknown as CheckContext;
  const found = [await check.measure(ctx, {} as HostFacts)].flat();
  return found.map(({ part, outcome, measured: text }) => [part, outcome, text]);
}

const witsml = 'FEATURE WITSML d 1 permanent uncounted\n';

for (const flow of ['install', 'upgrade'] as const) {
  test(`${flow}: what the values switch on must be granted, and nothing else`, async () => {
    assert.deepEqual(await measured({ flow, text: witsml, values: enabled('alpha') }), [
      ['WITSML', 'ok', 'granted, does not expire'],
    ]);
    assert.deepEqual(await measured({ flow, text: witsml, values: enabled('alpha', 'beta') }), [
      ['WITSML', 'ok', 'granted, does not expire'],
      ['PPDM', 'fail', 'missing'],
    ]);
    assert.deepEqual(
      await measured({
        flow,
        text: '{"entitlements":["WITSML"],"expires":"2020-01-01"}',
        values: enabled('alpha'),
      }),
      [['WITSML', 'fail', 'expired on 2020-01-01']],
    );
  });

  test(`${flow}: without a licence nothing may be switched on`, async () => {
    assert.deepEqual(await measured({ flow, values: 'other: 1\n' }), [
      [undefined, 'ok', 'no licence, and no connector needs one'],
    ]);
    assert.deepEqual(await measured({ flow, values: enabled('beta') }), [
      ['PPDM', 'fail', 'no licence is installed'],
    ]);
  });

  test(`${flow}: what cannot be compared, or ends soon, is a warning`, async () => {
    const dongle = 'FEATURE WITSML d 1 permanent uncounted HOSTID=ID=12345\n';
    const [[, outcome] = []] = await measured({ flow, text: dongle, values: enabled('alpha') });
    assert.equal(outcome, 'warn');
    const soon = 'FEATURE WITSML d 1 7-dec-2026 uncounted\n';
    assert.deepEqual(await measured({ flow, text: soon, values: enabled('alpha') }), [
      ['WITSML', 'warn', 'granted, expires in 10 days (2026-12-07)'],
    ]);
  });

  test(`${flow}: a server that does not answer blocks where the product requires it`, async () => {
    const text = `SERVER 127.0.0.1 ANY 1\nVENDOR d\n${witsml}`;
    const refused = '1@127.0.0.1 the connection is refused: nothing listens there';
    const values = enabled('alpha');
    assert.deepEqual((await measured({ flow, text, values })).at(-1), ['server', 'fail', refused]);
    assert.deepEqual((await measured({ flow, text, values, of: optional })).at(-1), [
      'server',
      'warn',
      refused,
    ]);
  });
}

test('an install from the template has what is granted, and is not held up by what is not', async () => {
  const text = `${witsml}FEATURE PPDM d 1 1-jan-2020 uncounted\n`;
  assert.deepEqual(await measured({ flow: 'install', text }), [['WITSML', 'ok', 'granted, does not expire']]);
});

test('a product without a licence or without connectors is not asked', () => {
  const applies = (of: Product) => check.applies?.({ product: of } as CheckContext);
  assert.equal(applies(product), true);
  assert.equal(applies({ ...product, license: undefined }), false);
  assert.equal(applies({ ...product, entitlements: {} }), false);
});
