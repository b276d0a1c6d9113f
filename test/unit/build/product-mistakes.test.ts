import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readReleaseSpec } from '../../../build/spec-file.ts';
import { tinyProduct, writeTinySpec } from '../../fixtures/tiny-payload.ts';

/** What the packer refuses of product.yaml by itself: the line that is named, and what it says to write. */

const folder = mkdtempSync(join(tmpdir(), 'product-mistakes-'));
after(() => rmSync(folder, { recursive: true }));

const autoMigrate = (more: object = {}) => ({
  path: ['migrate'],
  on: 'on',
  off: 'off',
  workload: 'server',
  restartSelector: 'app=server',
  ...more,
});
const values = (more: object) => ({ values: { ...tinyProduct.values, ...more } });
const database = (more: object) => ({ database: { ...tinyProduct.database, ...more } });
const login = { user: 'tiny', secret: { name: 'tiny-password', key: 'password' } };
const password = { name: 'tiny-password', keys: { password: 24 } };
const [server] = tinyProduct.workloads;
const rehearsal = {
  database: { env: 'DB' },
  user: { env: 'DB_USER' },
  password: { env: 'PASSWORD' },
};

interface Variant {
  product: Record<string, unknown>;
  /** Undefined: it is taken. */
  refused?: RegExp;
  /** A text on the line that is named. */
  line?: string;
}

const variants: Record<string, Variant> = {
  'every key that names another': {
    product: {
      ...values({ autoMigrate: autoMigrate() }),
      ...database({ login }),
      generatedSecrets: [password],
      rehearsal,
      license: { secret: 'tiny-license', key: 'license.json' },
    },
  },
  'a name where an id is wanted': {
    product: {
      ...values({ autoMigrate: autoMigrate({ workload: 'tiny-server' }) }),
      workloads: [{ ...server, name: 'tiny-server' }],
    },
    refused: /no workload has the id tiny-server; tiny-server is the name of one: .* workload: server$/,
    line: 'workload: tiny-server',
  },
  'an id of nothing': {
    product: values({ autoMigrate: autoMigrate({ workload: 'sever' }) }),
    refused: /no workload has the id sever: write one of the ids server$/,
    line: 'workload: sever',
  },
  'a workload under two ids': {
    product: { workloads: [server, { ...server, id: 'again', selector: 'app=again' }] },
    refused: /Deployment\/server comes twice, once as server: take one out$/,
    line: '- id: again',
  },
  'two workloads with one selector': {
    product: { workloads: [server, { ...server, id: 'more', name: 'more' }] },
    refused: /the selector app=server is that of server too/,
    line: '- id: more',
  },
  'a rehearsal of nothing': {
    product: { rehearsal },
    refused: /needs values\.autoMigrate, which is missing.*\n.*needs database\.login, which is missing/,
    line: 'rehearsal:',
  },
  'a Secret that is generated twice': {
    product: { generatedSecrets: [password, { ...password, keys: { token: 24 } }] },
    refused: /the Secret tiny-password comes twice/,
    line: '  - name: tiny-password',
  },
  "the licence's Secret, generated": {
    product: { generatedSecrets: [password], license: { secret: 'tiny-password', key: 'a' } },
    refused: /tiny-password is that of the licence/,
    line: '  - name: tiny-password',
  },
  'a login by a key that is not generated': {
    product: {
      ...database({ login: { ...login, secret: { name: 'tiny-password', key: 'pasword' } } }),
      generatedSecrets: [password],
    },
    refused: /makes tiny-password without the key pasword: write one of its keys, password$/,
    line: 'key: pasword',
  },
  "an operator's file in the chart's folder": {
    product: values({ file: 'TinyChart/values.yaml' }),
    refused: /values\.file lies in \/opt\/tiny\/TinyChart \(chart\.folder\), which upgrades replace/,
    line: 'file: TinyChart/values.yaml',
  },
  "a database in the installer's folder": {
    product: database({
      volume: { ...tinyProduct.database.volume, defaultPath: '/opt/tiny/.installer/db' },
    }),
    refused: /database\.volume\.defaultPath lies in \/opt\/tiny\/\.installer/,
    line: 'defaultPath:',
  },
  'a tool that is named and not packed': {
    product: { license: { secret: 'tiny-license', key: 'a', tool: 'lmstat' } },
    refused: /the release packs no tool lmstat: add it to tools/,
    line: 'tool: lmstat',
  },
};

for (const [name, { product, refused, line }] of Object.entries(variants))
  test(`${name} ${refused === undefined ? 'is taken' : 'is refused'}`, () => {
    const spec = writeTinySpec(folder, { product });
    if (refused === undefined) {
      readReleaseSpec(spec);
      return;
    }
    const path = join(folder, 'product.yaml');
    const lines = readFileSync(path, 'utf8').split('\n');
    // The last one, where the first of two is right.
    const number = lines.findLastIndex((text) => text.includes(line ?? '')) + 1;
    assert.throws(
      () => readReleaseSpec(spec),
      ({ message }: Error) => {
        assert.match(message, refused);
        assert.ok(message.startsWith(`${path}:${number}: `), `${message} does not name line ${number}`);
        return true;
      },
    );
  });
