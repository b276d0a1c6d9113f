import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { probePorts } from '../../../src/host/port-probe.ts';

let server4: Server;
let server6: Server | undefined;
let port4 = 0;
let port6 = 0;
let taken = 0;

const listen = (server: Server, host: string) =>
  new Promise<number>((done, fail) => {
    server.once('error', fail);
    server.listen(0, host, () => done((server.address() as { port: number }).port));
  });

before(async () => {
  server4 = createServer((socket) => {
    taken += 1;
    socket.on('error', () => {});
  });
  port4 = await listen(server4, '127.0.0.1');
  server6 = createServer();
  port6 = await listen(server6, '::1').catch(() => 0);
});
after(() => {
  server4.close();
  server6?.close();
});

const { signal } = new AbortController();
const ask = (host: string, ports: readonly number[], timeoutMs = 3000) =>
  probePorts({ host, ports, timeoutMs, signal });

test('a listener takes the connection, and gets nothing but that', async () => {
  assert.deepEqual(await ask('127.0.0.1', [port4]), { answered: true, address: '127.0.0.1', port: port4 });
  assert.equal(taken, 1);
});

test('of many ports the one that listens is found, also by a name with several addresses', async () => {
  const closed = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11];
  const answer = await ask('localhost', [...closed, port4]);
  assert.ok(answer.answered && answer.port === port4);
});

test('IPv6', async (t) => {
  if (port6 === 0) return t.diagnostic('this machine has no IPv6 on loopback: only the refusal is tested');
  assert.deepEqual(await ask('::1', [port6]), { answered: true, address: '::1', port: port6 });
  const refused = await ask('::1', [1]);
  assert.ok(!refused.answered && refused.cause === 'refused');
});

test('why there is no connection', async () => {
  const refused = await ask('127.0.0.1', [1, 2]);
  assert.ok(!refused.answered);
  assert.deepEqual(
    [refused.cause, refused.why],
    ['refused', 'the connection is refused: nothing listens there'],
  );
  const unnamed = await ask(`${'a'.repeat(64)}.invalid`, [27_000]);
  assert.ok(!unnamed.answered);
  assert.equal(unnamed.cause, 'name');
});

test('a host that stays silent is waited for as long as was said', async (t) => {
  const { child, port } = await silentListener();
  t.after(() => child.kill('SIGKILL'));
  const started = performance.now();
  const answers = await Promise.all([ask('127.0.0.1', [port], 400), ask('127.0.0.1', [1, port], 400)]);
  for (const answer of answers) {
    assert.ok(!answer.answered);
    assert.deepEqual([answer.cause, answer.why], ['silent', 'no answer within 0.4 s']);
  }
  assert.ok(performance.now() - started < 3000);
});

/** A stopped process accepts nothing; once its backlog is full the kernel answers no further connection. */
async function silentListener(): Promise<{ child: ChildProcess; port: number }> {
  const script =
    'const s = require("node:net").createServer();' +
    's.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => console.log(s.address().port));';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(line.toString());
  child.kill('SIGSTOP');
  const fill = () => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.unref();
    return Promise.race([once(socket, 'connect').then(() => true), sleep(300, false)]);
  };
  while (await fill());
  return { child, port };
}

test('Ctrl-C ends it at once', async () => {
  const stop = new AbortController();
  const reason = new Error('stopped');
  setTimeout(() => stop.abort(reason), 50);
  const started = performance.now();
  const asked = probePorts({ host: 'localhost', ports: [1], timeoutMs: 3000, signal: stop.signal });
  await asked.catch(() => {});
  assert.ok(performance.now() - started < 1000);
  stop.abort(reason);
  await assert.rejects(
    probePorts({ host: '127.0.0.1', ports: [port4], timeoutMs: 3000, signal: stop.signal }),
    reason,
  );
});
