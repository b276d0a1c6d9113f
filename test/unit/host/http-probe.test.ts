import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { bodyExcerpt, probe, type ProbeTarget } from '../../../src/host/http-probe.ts';
import { unmarked } from '../../../src/foreign.ts';
import { makeCertificates } from '../../fixtures/certificates.ts';

const name = 'product.example';
const certificates = makeCertificates(name);
const servers: Server[] = [];

async function serve(server: Server, address = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, address);
  await new Promise((done, failed) => server.once('listening', done).once('error', failed));
  return (server.address() as AddressInfo).port;
}

/** Paths are what is answered. */
const answers: RequestListener = (request, response) => {
  const { host } = request.headers;
  const to = (location: string) => response.writeHead(302, { location }).end();
  switch (request.url) {
    case '/moved':
      return to('/healthz');
    case '/circle':
      return to('/circle');
    case '/sso':
      return to('https://login.elsewhere.example/start');
    case '/to-tls':
      return to(`https://${name}:${ports.signed}/healthz`);
    case '/unknown-port':
      return to(`http://${name}:9/healthz`);
    case '/mail':
      return to('mailto:operator@product.example');
    case '/healthz':
      return response.end(`well at ${host}`);
    case '/long':
      return response.end('x'.repeat(1_000_000));
    case '/silent':
      return undefined;
    default:
      return response.writeHead(503).end(`${host}: starting`);
  }
};
const ports = { plain: 0, six: 0, selfSigned: 0, signed: 0 };

describe('a probe', () => {
  before(async () => {
    ports.plain = await serve(createServer(answers));
    ports.six = await serve(createServer(answers), '::1');
    ports.selfSigned = await serve(createSecureServer(certificates.selfSigned, answers));
    ports.signed = await serve(createSecureServer(certificates.signed, answers));
  });
  after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** Status and body, or the reason; with where it ended and what it says of the certificate. */
  async function ask(path: string, more: Partial<ProbeTarget> = {}) {
    const result = await probe({ port: ports.plain, path, host: name, ...more });
    if (!result.answered) return { reason: unmarked(result.reason), url: result.url };
    const { status, url, followed, verified, unfollowed } = result;
    const body = bodyExcerpt(result);
    return { status, body, url, followed, verified, unfollowed: unfollowed && unmarked(unfollowed) };
  }
  const at = (path: string, port = ports.plain) => `http://${name}:${port}${path}`;
  const secure = { scheme: 'https', path: '/healthz' } as const;

  it('asks by the Host header, with its port as browsers do, and gives status and body', async () => {
    const { status, body, url } = await ask('/');
    assert.deepEqual(
      { status, body, url },
      {
        status: 503,
        body: `${name}:${ports.plain}: starting`,
        url: at('/'),
      },
    );
  });

  it('follows a redirect on the same host, also to https', async () => {
    const moved = await ask('/moved');
    assert.equal(moved.body, `well at ${name}:${ports.plain}`);
    assert.equal(moved.url, at('/healthz'));
    assert.equal(moved.followed, true);
    const tls = await ask('/to-tls');
    assert.equal(tls.status, 200);
    assert.equal(tls.url, `https://${name}:${ports.signed}/healthz`);
    assert.equal(tls.verified, false);
    const trusted = [certificates.ca];
    assert.equal((await ask('/to-tls', { trusted })).verified, true);
    const other = await ask('/to-tls', { trusted: [certificates.selfSigned.cert] });
    assert.match(other.reason ?? '', /^the certificate is not accepted: /);
  });

  it('follows none that is expected', async () => {
    const { status, unfollowed } = await ask('/moved', { follow: false });
    assert.deepEqual({ status, unfollowed }, { status: 302, unfollowed: undefined });
  });

  it('names the place of a redirect that it does not follow', async () => {
    const said = async (path: string, more?: Partial<ProbeTarget>) => (await ask(path, more)).unfollowed;
    assert.equal(
      await said('/sso'),
      `redirected to https://login.elsewhere.example/start: another host than ${name}`,
    );
    assert.equal(await said('/circle'), 'redirected to /circle: the 6th redirect in a row');
    assert.match((await said('/mail')) ?? '', /^redirected to mailto:\S+: that is no address of the web$/);
    const portOf = (port: number) => (port === ports.plain ? port : undefined);
    assert.equal(
      await said('/unknown-port', { portOf }),
      `redirected to http://${name}:9/healthz: nothing is known to serve that port here`,
    );
    assert.equal((await ask('/sso')).status, 302);
  });

  it('connects by another port where one stands for that of the address', async () => {
    const portOf = (port: number) => (port === 9 ? ports.six : port);
    const { body, url } = await ask('/unknown-port', { port: ports.six, address: '::1', portOf });
    assert.deepEqual({ body, url }, { body: `well at ${name}:9`, url: at('/healthz', 9) });
  });

  it('connects to an IPv6 address', async () => {
    const { body } = await ask('/healthz', { port: ports.six, address: '::1' });
    assert.equal(body, `well at ${name}:${ports.six}`);
    const asHost = await ask('/moved', { port: ports.six, address: '::1', host: '::1' });
    assert.equal(asHost.url, `http://[::1]:${ports.six}/healthz`);
  });

  it('verifies a certificate by itself or by who signed it, and says where it does not', async () => {
    const verified = async (port: number, trusted?: string[]) => {
      const { status, verified: is, reason } = await ask('/healthz', { ...secure, port, trusted });
      return reason ?? [status, is];
    };
    assert.deepEqual(await verified(ports.selfSigned), [200, false]);
    assert.deepEqual(await verified(ports.selfSigned, [certificates.selfSigned.cert]), [200, true]);
    assert.deepEqual(await verified(ports.signed, [certificates.ca]), [200, true]);
    // As the Secret of an Ingress holds it: the server's own, without the CA's.
    assert.deepEqual(await verified(ports.signed, [certificates.signed.cert]), [200, true]);
    assert.match(String(await verified(ports.selfSigned, [certificates.ca])), /not accepted: self-signed/);
    assert.match(String(await verified(ports.signed, [certificates.selfSigned.cert])), /not accepted: /);
  });

  it('refuses a trusted certificate of another name, also for an address', async () => {
    const trusted = [certificates.ca];
    for (const host of ['other.example', '127.0.0.1', '::1']) {
      const { reason } = await ask('/healthz', { ...secure, port: ports.signed, host, trusted });
      assert.match(reason ?? '', /^the certificate is not accepted: .*(not in the cert|altnames)/, host);
    }
  });

  it('says that no TLS is spoken, and that it was asked without', async () => {
    assert.match((await ask('/', { scheme: 'https' })).reason ?? '', /^no TLS is spoken at that port/);
    const { reason } = await ask('/', { port: ports.signed });
    assert.ok(reason !== undefined && !reason.startsWith('no answer within'), reason);
  });

  it('keeps the beginning of a long body, and as much as is wanted', async () => {
    assert.equal((await ask('/long')).body?.length, 2048);
    const wanted = await probe({ port: ports.plain, path: '/long', host: name, bodyBytes: 2_000_000 });
    assert.equal(wanted.answered && wanted.body.length, 1_000_000);
  });

  it('says that no answer came in time, or that nobody listens', async () => {
    const { reason } = await ask('/silent', { timeoutMs: 100 });
    assert.equal(reason, 'no answer within 0.1 s');
    const refused = await ask('/', { port: 1 });
    assert.match(refused.reason ?? '', /ECONNREFUSED/);
    assert.match((await ask('/', { host: 'no host' })).reason ?? '', /Invalid URL/);
  });
});
