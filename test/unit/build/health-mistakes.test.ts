import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { routeFindings } from '../../../build/health-mistakes.ts';
import { readReleaseSpec } from '../../../build/spec-file.ts';
import type { PlainObject } from '../../../src/policy/values-patches.ts';
import { parseRendered } from '../../../src/release/rendered-chart.ts';
import { tinyProduct, writeTinySpec } from '../../fixtures/tiny-payload.ts';

const folder = mkdtempSync(join(tmpdir(), 'health-mistakes-'));
after(() => rmSync(folder, { recursive: true }));

const specOf = (more: object, files: { template?: string; values?: string } = {}) =>
  writeTinySpec(folder, {
    product: { health: [{ ...tinyProduct.health[0], ...more }] },
    editFiles: () => {
      writeFileSync(join(folder, 'template.yaml'), files.template ?? 'host: "{{fqdn}}"\n');
      writeFileSync(join(folder, 'chart/values.yaml'), files.values ?? 'host: tiny.example\n');
    },
  });

/** The mistakes name the line of `key` in product.yaml, counted from the route. */
function assertLine(message: string, key: string): void {
  const [, path = '', line = ''] = /^(\S+?):(\d+): /.exec(message) ?? [];
  assert.equal(path, join(folder, 'product.yaml'), message);
  const text = readFileSync(path, 'utf8').split('\n')[Number(line) - 1];
  assert.match(text ?? '', new RegExp(`^ +(- )?${key}:`), `${message} names the line "${text}"`);
}

function refused(more: object, key: string, message: RegExp, files?: Parameters<typeof specOf>[1]): void {
  const spec = specOf(more, files);
  assert.throws(
    () => readReleaseSpec(spec),
    (error: Error) => {
      assert.equal(error.name, 'SpecError', error.stack);
      assert.match(error.message, message);
      assertLine(error.message, key);
      return true;
    },
  );
}
const taken = (more: object, files?: Parameters<typeof specOf>[1]) => readReleaseSpec(specOf(more, files));

const secure = { scheme: 'https', certificate: 'not-verified' };

describe('a health route of product.yaml', () => {
  it('is refused where scheme and port contradict each other', () => {
    refused({ port: 443 }, 'port', /port 443 of the health route server would be probed in plain http/);
    refused({ ...secure, port: 80 }, 'port', /port 80 of the health route server would be probed by https/);
    const port = { values: ['web', 'port'], default: 443 };
    refused({ port }, 'port', /port 443 .* in plain http/);
    refused({ port: { values: ['port'] } }, 'port', /port 443 .*/, { template: 'host: a\nport: 443\n' });
    taken({ port: 8443 });
    taken({ ...secure, port: 443 });
    taken(secure);
    taken({});
  });

  it('is refused without a word on the certificate where it may be https', () => {
    refused({ scheme: 'https' }, 'scheme', /may be asked by https and has no certificate: write/);
    const scheme = { values: ['tls'], default: 'http' };
    refused({ scheme }, 'scheme', /may be asked by https and has no certificate/);
    taken({ scheme, certificate: { secret: 'web-tls' } });
    // For a redirect to TLS.
    taken({ certificate: { caFile: '/etc/ssl/ca.pem' } });
  });

  it('is refused where an answer of that status has no body', () => {
    refused({ expectStatus: 204, expectText: 'ok' }, 'expectText', /with status 204 has no body for the/);
    const expectJson = { path: ['status'], equals: 'ok' };
    refused({ expectStatus: 302, expectJson }, 'expectJson', /with status 302 has no body/);
    taken({ expectJson, expectText: 'ok' });
  });

  it('is refused where neither the values template nor a default says a part', () => {
    const port = { values: ['web', 'port'] };
    refused({ port }, 'id', /the values template has no web\.port: the port of Server is read there/);
    taken({ port }, { template: 'host: a\nweb: { port: 8080 }\n' });
    taken({ port: { ...port, default: 8080 } });
    const path = { values: ['base'], below: '/health' };
    refused({ path }, 'id', /has "x" at base: the path of/, { template: 'host: a\nbase: x\n' });
  });

  it("is refused where a default is not the chart's", () => {
    const port = { values: ['web', 'port'], default: 8080 };
    const message = /takes 8080 where the values do not say web\.port, and the chart's values\.yaml has 9090/;
    refused({ port }, 'port', message, { values: 'web: { port: 9090 }\n' });
    taken({ port }, { values: 'web: { port: "8080" }\n' });
    const scheme = { values: ['tls'], default: 'https' };
    const more = { scheme, certificate: 'not-verified' };
    refused(more, 'scheme', /takes "https" .* has \[\]/, { values: 'tls: []\n' });
    taken(more, { values: 'tls: [{ secretName: web }]\n' });
    const via = { service: { values: ['service'], default: 'web' } };
    refused({ via }, 'service', /takes "web" .* has "api"/, { values: 'service: api\n' });
  });
});

const ingress = (spec: string, annotations = '{}') => `
kind: Ingress
metadata: { name: tiny, annotations: ${annotations} }
spec: ${spec}
---`;
const paths = 'http: { paths: [{ path: /health, pathType: Exact }] }';
const service = (spec: string) => `
kind: Service
metadata: { name: web }
spec: ${spec}
---`;

/** What a rendering shows of a route. */
function found(more: object, yaml: string, values: PlainObject = { host: 'tiny.example' }) {
  const { objects } = parseRendered(yaml);
  const rendering = { combination: 'n=0', manifests: objects, secretBytes: 1, values: [], given: values };
  return routeFindings(taken(more), rendering);
}
function refusedBy(more: object, yaml: string, message: RegExp, values?: PlainObject): void {
  const { mistakes } = found(more, yaml, values);
  assert.equal(mistakes.length, 1, mistakes.join('\n') || 'not refused');
  assert.match(mistakes[0]!, /product\.yaml:\d+: /);
  assert.match(mistakes[0]!, message);
}
const shown = (more: object, yaml: string, values?: PlainObject) =>
  assert.deepEqual(found(more, yaml, values), { mistakes: [], warnings: [] });

describe('a health route and what the chart renders', () => {
  it('needs an Ingress of its path, host and class', () => {
    shown({}, ingress(`{ rules: [{ ${paths} }] }`));
    shown({}, ingress(`{ rules: [{ host: tiny.example, ${paths} }] }`));
    shown({}, ingress(`{ rules: [{ host: "*.example", ${paths} }] }`));
    shown({ host: 'api.{{fqdn}}' }, ingress(`{ rules: [{ host: api.tiny.example, ${paths} }] }`));
    // A matrix may say no name.
    shown({}, ingress(`{ rules: [{ host: tiny.example, ${paths} }] }`), {});
    refusedBy({}, '', /no Ingress of the chart leads to \/health of the health route server/);
    refusedBy(
      {},
      ingress(`{ rules: [{ host: other.example, ${paths} }] }`),
      /no Ingress of the chart leads to \/health of the host tiny\.example of the health route/,
    );
    const via = { ingressClass: { values: ['class'], default: 'nginx' } };
    shown({ via }, ingress(`{ ingressClassName: nginx, rules: [{ ${paths} }] }`));
    shown({ via }, ingress(`{ rules: [{ ${paths} }] }`, '{ kubernetes.io/ingress.class: nginx }'));
    const other = { host: 'tiny.example', class: 'haproxy' };
    refusedBy(
      { via },
      ingress(`{ ingressClassName: nginx, rules: [{ ${paths} }] }`),
      /no Ingress of the class haproxy, which the health route server asks/,
      other,
    );
  });

  it('is warned of where https is asked of an Ingress without TLS', () => {
    const { mistakes, warnings } = found(secure, ingress(`{ rules: [{ ${paths} }] }`));
    assert.deepEqual(mistakes, []);
    assert.match(
      warnings.join('\n'),
      /Ingress\/tiny has no tls, and the health route server asks it by https/,
    );
    shown(secure, ingress(`{ tls: [{ secretName: web }], rules: [{ ${paths} }] }`));
    const annotations = '{ traefik.ingress.kubernetes.io/router.tls: "true" }';
    shown(secure, ingress(`{ rules: [{ ${paths} }] }`, annotations));
  });

  it('is served by a port of the host as well', () => {
    shown({ port: 30080 }, service('{ type: NodePort, ports: [{ port: 80, nodePort: 30080 }] }'));
    shown({ port: 8080 }, service('{ type: LoadBalancer, ports: [{ port: 8080 }] }'));
    const pod = '{ containers: [{ name: a, ports: [{ containerPort: 80, hostPort: 8080 }] }] }';
    shown({ port: 8080 }, `kind: Pod\nmetadata: { name: a }\nspec: ${pod}\n---`);
    refusedBy({ port: 8080 }, service('{ ports: [{ port: 8080 }] }'), /no Ingress of the chart leads to/);
  });

  it('needs the Service that it asks, with a port that is what it is asked for', () => {
    const via = { service: 'web' };
    shown({ via }, service('{ ports: [{ port: 8080 }] }'));
    shown({ via, port: 9 }, service('{ ports: [{ port: 8080 }, { port: 9 }] }'));
    shown({ via, ...secure }, service('{ ports: [{ name: https, port: 8443 }] }'));
    refusedBy({ via }, '', /the chart renders no Service\/web, which the health route server asks/);
    refusedBy(
      { via, port: 9 },
      service('{ ports: [{ port: 8080 }] }'),
      /Service\/web has no port 9 \(it has: 8080\)/,
    );
    refusedBy({ via }, service('{ clusterIP: None, ports: [{ port: 80 }] }'), /Service\/web is headless/);
    const several = '{ ports: [{ port: 8080 }, { port: 9 }] }';
    refusedBy({ via }, service(several), /has several ports \(8080, 9\), and the route names none/);
    for (const port of ['name: https-web, port: 8443', 'name: web, appProtocol: https, port: 8443'])
      refusedBy(
        { via },
        service(`{ ports: [{ ${port} }] }`),
        /port 8443 of Service\/web is https by its name/,
      );
  });

  it('is read with the values of each combination', () => {
    const port = { values: ['port'], default: 80 };
    const yaml = ingress(`{ rules: [{ ${paths} }] }`);
    shown({ port }, yaml, { port: 8080 });
    refusedBy({ port }, yaml, /port 443 .* in plain http/, { port: 443 });
    refusedBy({ port }, yaml, /the values of n=0 has "web" at port: the port of Server/, { port: 'web' });
  });
});
