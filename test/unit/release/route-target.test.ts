import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { unmarked } from '../../../src/foreign.ts';
import { healthRoute } from '../../../src/payload/health-route-schema.ts';
import type { PlainObject } from '../../../src/policy/values-patches.ts';
import { routeTarget } from '../../../src/release/route-target.ts';

const fqdn = 'reader.example';
const route = (more: object) =>
  healthRoute.parse({ id: 'web', title: 'Web', path: '/health', selector: 'app=web', ...more });
const target = (more: object, root: PlainObject = {}) =>
  routeTarget(route(more), { path: '/opt/values.yaml', root }, fqdn);
const refusal = (more: object, root: PlainObject = {}): string => {
  try {
    return JSON.stringify(target(more, root));
  } catch (error) {
    return unmarked((error as Error).message);
  }
};

test('a route of before is asked as before', () => {
  const { path, scheme, host, port, via, certificate } = target({ port: 80 });
  assert.deepEqual(
    { path, scheme, host, port, via, certificate },
    {
      path: '/health',
      scheme: 'http',
      host: fqdn,
      port: 80,
      via: { kind: 'address', address: '127.0.0.1' },
      certificate: undefined,
    },
  );
});

test('every part is read from the values, or is its default', () => {
  const inValues = {
    path: { values: ['base'], default: '/', below: '/healthz' },
    scheme: { values: ['ingress', 'tls'], default: 'http' },
    host: { values: ['ingress', 'hosts', '0', 'host'] },
    port: { values: ['ingress', 'port'], default: 8080 },
    via: { ingressClass: { values: ['ingress', 'className'], default: 'traefik' } },
    certificate: { secret: { values: ['ingress', 'tls', '0', 'secretName'], default: 'web-tls' } },
  };
  const hosts = [{ host: 'api.example' }];
  assert.deepEqual(target(inValues, { ingress: { hosts } }), {
    path: '/healthz',
    scheme: 'http',
    host: 'api.example',
    port: 8080,
    via: { kind: 'ingressClass', name: 'traefik' },
    certificate: { secret: 'web-tls' },
  });
  const ingress = { hosts, tls: [{ secretName: 'own' }], port: '8443', className: 'nginx' };
  assert.deepEqual(target(inValues, { base: '/rss/', ingress }), {
    path: '/rss/healthz',
    scheme: 'https',
    host: 'api.example',
    port: 8443,
    via: { kind: 'ingressClass', name: 'nginx' },
    certificate: { secret: 'own' },
  });
});

test('a switch, a list and a word of the values say the scheme', () => {
  const scheme = { values: ['tls'], default: 'https' };
  const of = (tls: PlainObject[string]) => target({ scheme, certificate: 'not-verified' }, { tls }).scheme;
  for (const tls of [true, 'https', [{}], { secretName: 'x' }]) assert.equal(of(tls), 'https', String(tls));
  for (const tls of [false, 'http', [], {}]) assert.equal(of(tls), 'http', String(tls));
  // As a key that is not there.
  assert.equal(of(null), 'https');
});

test('the name of the host may be a part of the name', () => {
  assert.equal(target({ host: 'api.{{fqdn}}' }).host, 'api.reader.example');
  assert.equal(target({ host: { values: ['api'] } }, { api: '{{fqdn}}' }).host, fqdn);
});

test('values that say nothing, or something else, are refused with file, key and route', () => {
  assert.equal(
    refusal({ port: { values: ['ingress', 'port'] } }),
    '/opt/values.yaml has no ingress.port: the port of Web is read there',
  );
  assert.equal(
    refusal({ port: { values: ['port'], default: 80 } }, { port: 'http' }),
    '/opt/values.yaml has "http" at port: the port of Web is read there',
  );
  assert.match(refusal({ port: { values: ['port'] } }, { port: 70_000 }), /has 70000 at port/);
  assert.match(
    refusal({ path: { values: ['path'] } }, { path: 'health' }),
    /has "health" at path: the path of/,
  );
  assert.match(
    refusal({ scheme: { values: ['tls'] } }, { tls: 'on' }),
    /has "on" at tls: the scheme \(http or/,
  );
  assert.match(
    refusal({ via: { service: { values: ['s'] } } }, { s: '' }),
    /has "" at s: the Service of Web/,
  );
});

test('the schema refuses what could not be meant', () => {
  const refused = (more: object) => assert.throws(() => route(more), z.ZodError, JSON.stringify(more));
  refused({ scheme: 'HTTPS' });
  refused({ port: 0 });
  refused({ port: '443' });
  refused({ via: {} });
  refused({ via: { service: 'web', address: '127.0.0.1' } });
  refused({ via: { address: 'localhost' } });
  refused({ certificate: 'verified' });
  refused({ certificate: { caFile: 'ca.pem' } });
  refused({ expectText: '' });
  refused({ host: 'a b' });
  refused({ port: { default: 80 } });
});
