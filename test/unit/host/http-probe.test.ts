import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { probe } from '../../../src/host/http-probe.ts';

describe('a probe', () => {
  let server: Server;
  let port = 0;
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/' }).end();
      else if (request.url === '/long') response.end('x'.repeat(1_000_000));
      else if (request.url === '/silent') return;
      else response.writeHead(503).end(`${request.headers.host}: starting`);
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = async (path: string, timeoutMs = 5000) => {
    const { durationMs: _, ...result } = await probe({ port, path, host: 'product.example', timeoutMs });
    return result;
  };

  it('asks by the Host header and gives status and body', async () => {
    const bodyExcerpt = 'product.example: starting';
    assert.deepEqual(await ask('/'), { answered: true, status: 503, bodyExcerpt });
  });

  it('follows no redirect', async () => {
    assert.deepEqual(await ask('/moved'), { answered: true, status: 302, bodyExcerpt: '' });
  });

  it('keeps the beginning of a long body', async () => {
    const result = await ask('/long');
    assert.equal(result.answered && result.bodyExcerpt.length, 2048);
  });

  it('says that no answer came in time, or that nobody listens', async () => {
    assert.deepEqual(await ask('/silent', 100), { answered: false, reason: 'no answer within 0.1 s' });
    const refused = await probe({ port: 1, path: '/', host: 'product.example' });
    assert.match(refused.answered ? '' : refused.reason, /ECONNREFUSED/);
  });
});
