import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { unmarked } from '../../../src/foreign.ts';
import type { Kubectl, KubeObject } from '../../../src/host/kubectl.ts';
import { healthRoute } from '../../../src/payload/health-route-schema.ts';
import type { PlainObject } from '../../../src/policy/values-patches.ts';
import {
  answerAtText,
  answerText,
  certificateText,
  probeRoute,
  probeUntilHealthy,
  type RouteAsking,
} from '../../../src/release/health-route.ts';
import { makeCertificates } from '../../fixtures/certificates.ts';

/** Routes of a product against real servers; the objects are as the API server gives them. */

const name = 'reader.example';
const certificates = makeCertificates(name);
const folder = mkdtempSync(join(tmpdir(), 'health-route-'));
const servers: Server[] = [];
const ports = { plain: 0, six: 0, secure: 0, redirecting: 0 };

const product: RequestListener = (request, response) => {
  if (request.url === '/slow') return;
  // As a single-page app does, whatever is asked for.
  if (request.url !== '/health') return void response.end('<html>the app</html>');
  response.setHeader('content-type', 'application/json');
  response.end('{"status":"ok","database":{"state":"down"}}');
};

async function serve(server: Server, address = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, address);
  await new Promise((done, failed) => server.once('listening', done).once('error', failed));
  return (server.address() as AddressInfo).port;
}

/** `kind/name` of what the cluster has. */
let cluster: Record<string, Omit<KubeObject, 'apiVersion' | 'kind' | 'metadata'> & object> = {};
const object = (key: string) => {
  const [kind = '', own = ''] = key.split('/');
  return { apiVersion: 'v1', kind, metadata: { name: own }, ...cluster[key] };
};
const plurals: Record<string, string> = { nodes: 'node', ingresses: 'ingress' };
const kubectl = {
  get: async (kind: string, own: string) =>
    cluster[`${kind}/${own}`] === undefined ? undefined : object(`${kind}/${own}`),
  list: async (kind: string) =>
    Object.keys(cluster)
      .filter((key) => key.startsWith(`${plurals[kind]}/`))
      .map(object),
} as unknown as Kubectl;

const route = (more: object) =>
  healthRoute.parse({ id: 'web', title: 'Web', path: '/health', selector: 'app=web', ...more });
const asking = (root: PlainObject = {}): RouteAsking => ({
  product: { namespace: 'reader', values: { keys: { fqdn: ['host'] } } } as RouteAsking['product'],
  values: { path: '/opt/values.yaml', root: { host: name, ...root } },
  kubectl: async () => kubectl,
});
async function said(more: object, root?: PlainObject) {
  const answer = await probeRoute(route(more), asking(root));
  return `${answer.healthy ? 'healthy' : 'not healthy'}: ${unmarked(answerAtText(answer))}`;
}

describe('a health route', () => {
  before(async () => {
    ports.plain = await serve(createServer(product));
    ports.six = await serve(createServer(product), '::1');
    ports.secure = await serve(createSecureServer(certificates.signed, product));
    ports.redirecting = await serve(
      createServer((request, response) => {
        const location = `https://${name}:${ports.secure}${request.url}`;
        response.writeHead(308, { location }).end();
      }),
    );
    writeFileSync(join(folder, 'ca.pem'), certificates.ca);
    writeFileSync(join(folder, 'empty.pem'), '');
  });
  after(() => {
    rmSync(folder, { recursive: true });
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('of a product that says only a port is asked as before', async () => {
    assert.equal(await said({ port: ports.plain }), 'healthy: status 200');
    assert.equal(await said({ port: ports.plain, expectStatus: 204 }), 'not healthy: status 200');
  });

  it('is no page of a single-page app, where a text or a field is expected', async () => {
    const index = { port: ports.plain, path: '/healthcheck' };
    assert.equal(await said(index), 'healthy: status 200');
    assert.equal(await said({ ...index, expectText: 'OK' }), 'not healthy: status 200, without "OK"');
    const expectJson = { path: ['status'], equals: 'ok' };
    assert.equal(await said({ ...index, expectJson }), 'not healthy: status 200, but it is no JSON');
    assert.equal(await said({ port: ports.plain, expectJson }), 'healthy: status 200');
    const down = { path: ['database', 'state'], equals: 'up' };
    assert.equal(
      await said({ port: ports.plain, expectJson: down }),
      'not healthy: status 200, but database.state of its JSON is "down", not "up"',
    );
  });

  it('behind a redirect to TLS of an operator passes, and says that nothing was verified', async () => {
    const answer = await probeRoute(route({ port: ports.redirecting }), asking());
    assert.equal(answer.healthy, true);
    assert.equal(answer.url, `https://${name}:${ports.secure}/health`);
    assert.equal(certificateText(answer), 'not verified');
    assert.equal(
      await said({ port: ports.redirecting }),
      `healthy: status 200 at https://${name}:${ports.secure}/health`,
    );
  });

  it('of which the redirect is expected is not followed', async () => {
    assert.equal(await said({ port: ports.redirecting, expectStatus: 308 }), 'healthy: status 308');
  });

  it('is verified by a Secret, by a file, or not', async () => {
    const tls = { scheme: 'https', port: ports.secure };
    const asked = async (certificate: unknown) => {
      const answer = await probeRoute(route({ ...tls, certificate }), asking());
      return answer.healthy ? certificateText(answer) : unmarked(answerText(answer));
    };
    const secret = (...pairs: [string, string][]) => {
      const data = Object.fromEntries(
        pairs.map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      );
      cluster = { 'secret/web-tls': { data } };
    };
    assert.equal(await asked('not-verified'), 'not verified');
    assert.equal(await asked({ caFile: join(folder, 'ca.pem') }), 'verified');
    assert.match(
      (await asked({ caFile: join(folder, 'none.pem') }))!,
      /CA certificates \S+ cannot be read: .*ENOENT/,
    );
    assert.match((await asked({ caFile: join(folder, 'empty.pem') }))!, /holds no certificate in PEM$/);
    cluster = {};
    assert.equal(await asked({ secret: 'web-tls' }), 'there is no Secret/web-tls with the certificate');
    secret(['tls.key', 'no']);
    assert.equal(
      await asked({ secret: 'web-tls' }),
      'Secret/web-tls has no certificate in tls.crt or ca.crt',
    );
    secret(['tls.crt', certificates.signed.cert]);
    assert.equal(await asked({ secret: 'web-tls' }), 'verified');
    secret(['tls.crt', certificates.selfSigned.cert]);
    assert.match((await asked({ secret: 'web-tls' }))!, /^the certificate is not accepted: /);
    secret(['ca.crt', certificates.ca], ['tls.crt', certificates.selfSigned.cert]);
    assert.equal(await asked({ secret: 'web-tls' }), 'verified');
  });

  it('is asked where the values say, also at an IPv6 address', async () => {
    const more = {
      scheme: { values: ['tls'], default: 'http' },
      port: { values: ['port'], default: ports.plain },
      certificate: { caFile: join(folder, 'ca.pem') },
    };
    assert.equal(await said(more), 'healthy: status 200');
    assert.equal(await said(more, { tls: [{}], port: ports.secure }), 'healthy: status 200');
    const six = { port: ports.six, via: { address: { values: ['address'] } } };
    assert.equal(await said(six, { address: '::1' }), 'healthy: status 200');
    await assert.rejects(
      probeRoute(route(six), asking()),
      /has no address: the address of Web is read there/,
    );
  });

  it('leads through a NodePort, by the family of the Service', async () => {
    const node = { status: { addresses: [{ type: 'Hostname', address: 'k3s' }] } };
    const addresses = [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'InternalIP', address: '::1' },
    ];
    const service = (nodePort: number, families: string[]) => ({
      spec: { type: 'NodePort', ipFamilies: families, ports: [{ port: 8080, nodePort }] },
    });
    const via = { service: 'web' };
    cluster = { 'node/a': node, 'service/web': service(ports.plain, ['IPv4']) };
    assert.equal(await said({ via }), 'not healthy: no node has an address of IPv4');
    cluster['node/b'] = { status: { addresses } };
    assert.equal(await said({ via }), 'healthy: status 200');
    assert.equal((await probeRoute(route({ via }), asking())).url, `http://${name}:${ports.plain}/health`);
    cluster['service/web'] = service(ports.six, ['IPv6', 'IPv4']);
    assert.equal(await said({ via, port: 8080 }), 'healthy: status 200');
    cluster = {};
    assert.equal(await said({ via }), 'not healthy: there is no Service/web');
  });

  it('follows a redirect from one node port to the one of TLS', async () => {
    const https = await serve(createSecureServer(certificates.signed, product));
    const http = await serve(
      createServer((_, response) => response.writeHead(301, { location: `https://${name}/health` }).end()),
    );
    const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
    const all = [
      { port: 80, nodePort: http },
      { port: 443, nodePort: https },
    ];
    cluster = {
      'node/a': { status: { addresses } },
      'service/web': { spec: { type: 'NodePort', ports: all } },
    };
    const more = { via: { service: 'web' }, certificate: { caFile: join(folder, 'ca.pem') } };
    assert.equal(await said(more), `healthy: status 200 at https://${name}/health`);
    cluster['service/web'] = { spec: { type: 'NodePort', ports: all.slice(0, 1) } };
    assert.equal(
      await said(more),
      `not healthy: status 301, redirected to https://${name}/health: nothing is known to serve ` +
        `that port here`,
    );
  });

  it('leads to the address of a load balancer, or to that of the cluster itself', async () => {
    const port = ports.plain;
    const via = { service: { values: ['service'], default: 'web' } };
    cluster = { 'service/web': { spec: { type: 'LoadBalancer', ports: [{ port }] }, status: {} } };
    assert.equal(await said({ via }), 'not healthy: Service/web has no address of a load balancer yet');
    const ingress = [{ ip: '127.0.0.1' }];
    cluster['service/web'] = {
      spec: { type: 'LoadBalancer', ports: [{ port }] },
      status: { loadBalancer: { ingress } },
    };
    assert.equal(await said({ via }), 'healthy: status 200');
    const own = { port: ports.six };
    cluster['service/own'] = {
      spec: { type: 'ClusterIP', clusterIP: '::1', ports: [own, { port: 53, protocol: 'UDP' }] },
    };
    assert.equal(await said({ via }, { service: 'own' }), 'healthy: status 200');
    cluster['service/own'] = { spec: { clusterIP: '::1', ports: [own, { port: 9 }] } };
    assert.match(
      await said({ via }, { service: 'own' }),
      /has several ports \(\d+, 9\), and the route names none$/,
    );
    assert.match(
      await said({ via, port: 7 }, { service: 'own' }),
      /Service\/own has no port 7 \(it has: \d+, 9\)$/,
    );
    cluster['service/own'] = { spec: { clusterIP: 'None', ports: [own] } };
    assert.match(await said({ via }, { service: 'own' }), /Service\/own is headless: it has no address/);
    cluster['service/own'] = { spec: { type: 'ExternalName', ports: [own] } };
    assert.match(
      await said({ via }, { service: 'own' }),
      /only a name for something outside of the cluster$/,
    );
  });

  it('leads to the address that the controller of its class has written', async () => {
    const more = { port: ports.plain, via: { ingressClass: 'nginx' } };
    const loadBalancer = { ingress: [{ ip: '127.0.0.1' }] };
    cluster = { 'ingress/other': { spec: { ingressClassName: 'traefik' }, status: { loadBalancer } } };
    assert.equal(await said(more), 'not healthy: there is no Ingress of the class nginx');
    cluster['ingress/web'] = { spec: { ingressClassName: 'nginx' }, status: {} };
    assert.equal(
      await said(more),
      'not healthy: Ingress/web of the class nginx has no address: no controller has taken it',
    );
    cluster['ingress/web'] = { spec: { ingressClassName: 'nginx' }, status: { loadBalancer } };
    assert.equal(await said(more), 'healthy: status 200');
  });

  it('that answers too slowly, or not in time to say where it is, is told with the time', async () => {
    const slow = await probeRoute(route({ port: ports.plain, path: '/slow' }), asking(), { timeoutMs: 200 });
    assert.equal(unmarked(answerText(slow)), 'no answer within 0.2 s');
    const silent = { ...asking(), kubectl: () => new Promise<never>(() => undefined) };
    const unknown = probeRoute(route({ via: { service: 'web' } }), silent, { timeoutMs: 200 });
    assert.equal(unmarked(answerText(await unknown)), 'the API server did not say within 0.2 s where it is');
  });

  it('is asked again until it answers as expected, with a certificate that comes late', async () => {
    cluster = {};
    const more = { scheme: 'https', port: ports.secure, certificate: { secret: 'late' } };
    const told: string[] = [];
    const onAnswer = (answer: string) => {
      told.push(unmarked(answer));
      const data = { 'tls.crt': Buffer.from(certificates.signed.cert).toString('base64') };
      cluster = { 'secret/late': { data } };
    };
    const answer = await probeUntilHealthy(route(more), asking(), { timeoutMs: 20_000, onAnswer });
    assert.equal(answer.healthy, true);
    assert.deepEqual(told, ['there is no Secret/late with the certificate']);
  });
});
