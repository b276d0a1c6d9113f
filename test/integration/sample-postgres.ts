import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { baseLayers, users } from '../../payload-spec/sample/base-layers.ts';

export const password = "it's a $ecret";

/** A free TCP port of this machine. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * The sample's own postgres image, unpacked and started by its own entry point in a mount namespace of its
 * own. Needs root.
 */
export async function startSamplePostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'ivaap-sample-postgres-'));
  const root = join(folder, 'root');
  const { base, postgres } = await baseLayers();
  await mkdir(root);
  for (const { file } of [base, postgres]) await promisify(execFile)('tar', ['xzf', file, '-C', root]);
  for (const name of ['data', 'secrets', 'var/run/postgresql']) {
    await mkdir(join(root, name), { recursive: true });
    await chown(join(root, name), users.postgres, users.postgres);
  }
  const passwordFile = join(root, 'secrets/password');
  await writeFile(passwordFile, password, { mode: 0o444 });
  const port = await freePort();
  const start = [
    'mount --rbind /dev "$0/dev"',
    'mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"',
    `exec chroot --userspec=${users.postgres}:${users.postgres} ` +
      `"$0" /usr/local/bin/postgres-entrypoint -c port=${port}`,
  ].join(' && ');
  const server = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', start, root], {
    env: {
      PATH: '/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      IVAAP_DATA_FOLDER: '/data',
      IVAAP_DB_USER: 'ivaap',
      IVAAP_DB_NAME: 'ivaapdb',
      IVAAP_DB_PASSWORD_FILE: '/secrets/password',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const ready = Promise.withResolvers<void>();
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('ready to accept connections')) ready.resolve();
    });
  }
  server.once('exit', (code) => ready.reject(new Error(`postgres ended with ${code}:\n${log}`)));
  await ready.promise;
  return {
    /** What a service's environment says to reach it. */
    environment: {
      IVAAP_DB_HOST: '127.0.0.1',
      IVAAP_DB_PORT: String(port),
      IVAAP_DB_PASSWORD_FILE: passwordFile,
    },
    log: () => log,
    async stop() {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
