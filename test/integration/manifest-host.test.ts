import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { fakeK3s, inOwnMounts } from '../fixtures/own-mounts.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/** `manifest` on a host with k3s: what containerd and the cluster say, and what is said when they do not. */

const payload = await makeTinyPayload({ executable: builtExecutable() });
after(() => payload.remove());
const [server, db, alpha] = payload.index.images;
assert.ok(server !== undefined && db !== undefined && alpha !== undefined);

/** A number of seconds that no other process waits for. */
const forever = `sleep ${990_000 + (process.pid % 9_999)}`;
const isLeft = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === forever;
      } catch {
        return false;
      }
    });

/** The kernel may need a moment for a program that was killed; one that is not stays forever. */
async function noneIsLeft(): Promise<void> {
  for (let tries = 0; tries < 50 && isLeft(); tries += 1) await sleep(100);
  assert.equal(isLeft(), false);
}

/**
 * containerd with the server's image pinned and the connector's name on another image; the cluster runs the
 * server's.
 */
const criImages = {
  images: [
    { id: server.config.digest, repoTags: [server.reference], repoDigests: [], pinned: true },
    { id: `sha256:${'7'.repeat(64)}`, repoTags: [alpha.reference], repoDigests: [], pinned: false },
  ],
};
const blobs = [server.manifest, server.config, ...server.layers].map(({ digest }) => digest);
const podList = {
  items: [
    {
      metadata: { name: 'server-0' },
      spec: { containers: [] },
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'server',
            image: server.reference,
            imageID: server.config.digest,
            ready: true,
            restartCount: 0,
          },
        ],
      },
    },
  ],
};

function answering(silent: readonly string[] = []) {
  const k3s = fakeK3s({
    kubectl: silent.includes('kubectl') ? forever : 'cat "$0.pods"',
    crictl: silent.includes('crictl') ? forever : 'cat "$0.images"',
    ctr: silent.includes('ctr') ? forever : 'case $6 in images) cat "$0.check" ;; *) cat "$0.blobs" ;; esac',
  });
  const put = (name: string, text: string) => writeFileSync(join(k3s.folder, `k3s.${name}`), text);
  put('pods', JSON.stringify(podList));
  put('images', JSON.stringify(criImages));
  put(
    'check',
    `REF TYPE DIGEST STATUS SIZE UNPACKED\n${server!.reference} m ` +
      `${server!.manifest.digest} complete (3/3) 1 MiB true\n`,
  );
  put('blobs', `${blobs.join('\n')}\n`);
  return { ...k3s, mount: `${k3s.mount}; cp ${k3s.folder}/k3s.* /usr/local/bin/` };
}

interface Report {
  images: { reference: string; containerd: string; pinned: boolean | null; cluster: string }[];
  load: { images: string[]; bytes: number; counted: string } | null;
  unknown: Record<string, string>;
}

async function manifest(k3s: { mount: string; remove(): void }) {
  const startedAt = performance.now();
  const argv = inOwnMounts(k3s.mount, [payload.path, 'manifest', '--json']);
  const { exitCode, stdout, stderr } = await runProgram(argv);
  k3s.remove();
  assert.deepEqual([exitCode, stderr], [0, '']);
  return { report: JSON.parse(stdout) as Report, tookMs: performance.now() - startedAt };
}

const inContainerd = ({ images }: Report) => images.map(({ containerd, pinned }) => [containerd, pinned]);
const inCluster = ({ images }: Report) => images.map(({ cluster }) => cluster);

test('a host that answers: image IDs, pins, what runs, and what an upgrade would load', async () => {
  const { report } = await manifest(answering());
  assert.deepEqual(inContainerd(report), [
    ['same', true],
    ['missing', null],
    ['different', false],
  ]);
  assert.deepEqual(inCluster(report), ['runs', 'none', 'none']);
  assert.deepEqual(report.unknown, {});
  // This product asks for no licence, so that no connector is granted.
  const lacking = [db.manifest, db.config, ...db.layers].filter(({ digest }) => !blobs.includes(digest));
  const bytes = lacking.reduce((sum, { size }) => sum + size, 0);
  assert.deepEqual(
    [report.load?.images, report.load?.bytes, report.load?.counted],
    [[db.reference], bytes, 'licence'],
  );
});

test('a containerd that hangs is not answered, and the cluster is', async () => {
  const { report, tookMs } = await manifest(answering(['ctr', 'crictl']));
  assert.deepEqual(inContainerd(report)[0], ['unknown', null]);
  assert.equal(inCluster(report)[0], 'runs');
  assert.equal(report.load, null);
  assert.match(report.unknown['containerd'] ?? '', /^no answer within 2 s$/);
  assert.ok(tookMs < 10_000, `it took ${tookMs} ms`);
  await noneIsLeft();
});

test('when nothing answers the command still ends well, soon, and leaves no program behind', async () => {
  const { report, tookMs } = await manifest(answering(['ctr', 'crictl', 'kubectl']));
  assert.deepEqual(
    [...new Set(report.images.flatMap(({ containerd, cluster }) => [containerd, cluster]))],
    ['unknown'],
  );
  assert.ok(tookMs < 10_000, `it took ${tookMs} ms`);
  await noneIsLeft();
});
