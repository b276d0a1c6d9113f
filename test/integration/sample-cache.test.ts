import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { cached } from '../../payload-spec/sample/cache.ts';

let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'ivaap-sample-cache-'));
  process.env.XDG_CACHE_HOME = home;
});
after(() => rm(home, { recursive: true, force: true }));

const cacheModule = new URL('../../payload-spec/sample/cache.ts', import.meta.url).href;

/** A process that builds `kind/key`, counting in `log`, and is slow enough that others come meanwhile. */
function builder(kind: string, log: string, during: string) {
  const script = `
    import { appendFile, writeFile } from 'node:fs/promises';
    const { cached } = await import(${JSON.stringify(cacheModule)});
    console.log(await cached(${JSON.stringify(kind)}, 'key', async (folder) => {
      await appendFile(${JSON.stringify(log)}, 'built;');
      await writeFile(folder + '/half', '');
      ${during}
      await writeFile(folder + '/whole', '');
    }));`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('callers that come at the same time build once and get the same complete folder', async () => {
  const log = join(home, 'log');
  const pause = 'await new Promise((resolve) => setTimeout(resolve, 500));';
  const callers = Array.from({ length: 4 }, () => builder('shared', log, pause));
  const folders = await Promise.all(callers.map(({ stdout }) => text(stdout)));
  assert.equal(new Set(folders).size, 1);
  assert.deepEqual((await readdir((folders[0] as string).trim())).sort(), ['half', 'whole']);
  assert.equal(await readFile(log, 'utf8'), 'built;');
});

test('a builder that is killed leaves the lock free and no half-made folder under the name', async () => {
  const log = join(home, 'killed-log');
  const victim = builder(
    'killed',
    log,
    `console.log('begun'); await new Promise(() => setInterval(() => {}, 1e6));`,
  );
  await once(victim.stdout, 'data');
  victim.kill('SIGKILL');
  await once(victim, 'exit');
  const folder = await cached('killed', 'key', (scratch) => writeFile(join(scratch, 'whole'), ''));
  assert.deepEqual(await readdir(folder), ['whole']);
  assert.deepEqual((await readdir(dirname(folder))).sort(), ['key', 'key.lock']);
});

test('a build that fails leaves nothing, and the next call builds again', async () => {
  await assert.rejects(
    cached('failing', 'key', () => Promise.reject(new Error('no room'))),
    /no room/,
  );
  assert.deepEqual(await readdir(join(home, 'ivaap/sample/failing')), ['key.lock']);
  const folder = await cached('failing', 'key', (scratch) => writeFile(join(scratch, 'whole'), ''));
  assert.deepEqual(await readdir(folder), ['whole']);
});
