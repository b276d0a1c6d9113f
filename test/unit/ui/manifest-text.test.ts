import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostImages } from '../../../src/queries/host-images.ts';
import type { PodState } from '../../../src/host/pods.ts';
import type { Presence } from '../../../src/images/presence.ts';
import type { ManifestFindings } from '../../../src/queries/manifest-report.ts';
import { manifestReport } from '../../../src/queries/manifest-report.ts';
import { manifestText } from '../../../src/ui/manifest-text.ts';
import type { PayloadIndex } from '../../../src/payload/format/index-schema.ts';

const hex = (digit: string) => digit.repeat(64);
const layer = { digest: `sha256:${hex('a')}`, mediaType: 'l', size: 3_000_000, diffId: `sha256:${hex('b')}` };

const index: PayloadIndex = {
  format: { major: 1, minor: 0 },
  product: 'tiny',
  title: 'Tiny',
  command: 'tiny',
  version: '2026.2',
  fileSize: 250_000_000,
  headSize: 110_000_000,
  entries: [
    {
      name: `blobs/sha256/${hex('a')}`,
      offset: 1,
      size: 3_000_000,
      mode: 0o644,
      sha256: hex('a'),
      crc32: '00000000',
    },
    { name: 'chart/Chart.yaml', offset: 2, size: 80, mode: 0o644, sha256: hex('c'), crc32: '00000000' },
  ],
  chunks: { chunkSize: 65_536, coveredEnd: 0, hashes: [] },
  images: ['server', 'alpha'].map((name, position) => ({
    reference: `registry.example/${name}:2026.2`,
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: { digest: `sha256:${hex('d')}`, size: 500, mediaType: 'm' },
    config: { digest: `sha256:${hex(String(position))}`, size: 500 },
    layers: [{ ...layer, uncompressedSize: 9_000_000 }],
  })),
  archives: [
    {
      name: 'core.tar.gz',
      size: 3_100_000,
      sha256: hex('e'),
      crc32: '00000000',
      images: ['registry.example/server:2026.2'],
    },
    {
      name: 'sets/alpha.tar.gz',
      size: 3_100_000,
      sha256: hex('f'),
      crc32: '00000000',
      images: ['registry.example/alpha:2026.2'],
    },
  ],
  tools: { helm: { entry: 'tools/helm', version: 'v4.3.1' } },
};

const product = {
  archives: { core: 'core.tar.gz', connectorsFolder: 'sets' },
  entitlements: { ALPHA: { connector: 'alpha' } },
};

const known = <T>(value: T) => ({ known: true as const, value });
const unanswered = { known: false as const, why: 'no answer within 2 s' };

const inCri = (name: string, id: string, pinned: boolean) => ({
  id: `sha256:${id}`,
  repoTags: [`registry.example/${name}:2026.2`],
  repoDigests: [],
  pinned,
});
const pod = (name: string, image: string, imageId: string): PodState => ({
  name,
  phase: 'Running',
  ready: true,
  ends: false,
  ending: false,
  restarts: 0,
  containers: [{ name: 'main', image, imageId: `sha256:${imageId}`, ready: true }],
  trouble: [],
});

const answered: HostImages = {
  runtime: known([inCri('server', hex('0'), true)]),
  store: known({
    presence: new Map<string, Presence>([['registry.example/server:2026.2', { state: 'ready' }]]),
    blobs: new Set([`sha256:${hex('a')}`, `sha256:${hex('d')}`]),
  }),
  pods: known([
    pod('server-1', 'registry.example/server:2026.2', hex('0')),
    pod('alpha-1', 'registry.example/alpha:2026.1', hex('8')),
    pod('alpha-2', 'registry.example/alpha:2026.1', hex('8')),
  ]),
  entitlements: known(['ALPHA']),
};

const report = (findings: Partial<ManifestFindings> = {}) =>
  manifestReport(index, product, {
    digest: hex('9'),
    key: null,
    archives: [
      { name: 'core.tar.gz', path: '/opt/tiny/core.tar.gz', state: 'different', detail: 'it has 1 bytes' },
      { name: 'sets/alpha.tar.gz', path: '/opt/tiny/sets/alpha.tar.gz', state: 'missing' },
    ],
    host: answered,
    program: './tiny',
    notes: [],
    installed: null,
    ...findings,
  });

test('the summary is golden', () => {
  assert.deepEqual(manifestText(report(), true), [
    'Product  Tiny 2026.2',
    'Payload  134 MiB behind an executable of 105 MiB, format 1.0',
    'Key      unsigned',
    `Digest   sha256:${hex('9')}`,
    '',
    'IMAGE                               SIZE  IN CONTAINERD  IN CLUSTER',
    'registry.example/server:2026.2  2.86 MiB  same           runs',
    'registry.example/alpha:2026.2   2.86 MiB  missing        other image',
    'An upgrade would load 1 of 2 images:',
    '  500 B missing in containerd, 0 B more when unpacked',
    '',
    'ARCHIVE            HOLDS        SIZE  ON DISK',
    'core.tar.gz        1 image  2.96 MiB  different: it has 1 bytes',
    'sets/alpha.tar.gz  1 image  2.96 MiB  missing',
    '',
    'To update the archives on disk to this release:',
    '  ./tiny extract-file core.tar.gz /opt/tiny/core.tar.gz',
    '',
    'To write the missing archives to disk (without them, images are read from this executable):',
    '  ./tiny extract-file sets/alpha.tar.gz /opt/tiny/sets/alpha.tar.gz',
  ]);
});

test('without --summary image IDs are complete, unique bytes, files and what else runs are listed, blobs left out', () => {
  const text = manifestText(report(), false).join('\n');
  // The layer and the manifest are shared, the config is not.
  assert.match(text, new RegExp(`linux/amd64  sha256:${hex('0')} +1  2.86 MiB +500 B  same +runs`));
  assert.match(text, /^registry.example\/alpha:2026.1  888888888888  alpha-1, alpha-2$/m);
  assert.match(text, /^chart\/Chart.yaml +80 B$/m);
  assert.ok(!text.includes('blobs/'));
});

test('a running image that kubelet reports by the digest of its manifest is this release’s', () => {
  const byDigest = `registry.example/server@sha256:${hex('3')}`;
  const [server, alpha] = index.images;
  const [core, sets] = index.archives;
  const ofDigest = {
    ...index,
    images: [{ ...server!, reference: byDigest }, alpha!],
    archives: [{ ...core!, images: [byDigest] }, sets!],
  };
  const told = (imageId: string) =>
    manifestReport(ofDigest, product, {
      digest: hex('9'),
      key: null,
      archives: [],
      host: { ...answered, pods: known([pod('server-1', byDigest, imageId)]) },
      program: './tiny',
      notes: [],
      installed: null,
    });
  for (const digest of [hex('d'), hex('3'), hex('0')]) {
    const { running, images } = told(digest);
    assert.deepEqual([running?.[0]?.imageId, images[0]?.cluster], [`sha256:${digest}`, 'runs']);
    assert.doesNotMatch(manifestText(told(digest), false).join('\n'), /RUNS IN CLUSTER/);
  }
  assert.match(manifestText(told(hex('7')), false).join('\n'), /RUNS IN CLUSTER/);
});

test('an image that kubelet may collect is said to be not pinned', () => {
  const host = { ...answered, runtime: known([inCri('server', hex('0'), false)]) };
  assert.match(
    manifestText(report({ host }), true).join('\n'),
    /^\S+server:2026.2 .* same, not pinned  runs$/m,
  );
});

test('what did not answer is said in its column and once with its reason, and no image is called missing', () => {
  const host = { runtime: unanswered, store: unanswered, pods: unanswered, entitlements: unanswered };
  const silent = report({ host });
  assert.deepEqual(
    silent.images.map(({ containerd, pinned, cluster }) => [containerd, pinned, cluster]),
    [
      ['unknown', null, 'unknown'],
      ['unknown', null, 'unknown'],
    ],
  );
  assert.deepEqual([silent.load, silent.running], [null, null]);
  const text = manifestText(silent, true).join('\n');
  assert.match(text, /^\S+server:2026.2 .* no answer +no answer$/m);
  assert.match(text, /^containerd and the cluster were not compared: no answer within 2 s$/m);
  assert.match(text, /^What an upgrade would load is not known\.$/m);
});

test('a silent cluster alone: containerd is compared, and every connector is counted', () => {
  const { load, images } = report({ host: { ...answered, pods: unanswered, entitlements: unanswered } });
  assert.deepEqual(
    images.map(({ containerd, cluster }) => [containerd, cluster]),
    [
      ['same', 'unknown'],
      ['missing', 'unknown'],
    ],
  );
  assert.equal(load?.counted, 'every archive');
});

test('what an upgrade would load follows from the licence, and blobs that are there count for nothing', () => {
  const without = report({ host: { ...answered, entitlements: known([]) } });
  assert.deepEqual(without.load, { wanted: 1, images: [], bytes: 0, unpackedBytes: 0, counted: 'licence' });
  const store = known({ presence: new Map<string, Presence>(), blobs: new Set<string>() });
  const all = report({ host: { ...answered, store } });
  // One layer and one manifest, which both have, and two configs.
  assert.deepEqual(
    [all.load?.images.length, all.load?.bytes, all.load?.unpackedBytes],
    [2, 3_000_000 + 3 * 500, 9_000_000],
  );
});

test('the summary ends with the notes of releases that are newer than the installed one', () => {
  const notes = ['2026.1', '2026.2', '2027.1'].map((version) => ({
    version,
    breaking: [],
    lines: [`News of ${version}.`],
  }));
  const end = (installed: string | null) => {
    const lines = manifestText(report({ notes, installed }), true);
    return lines.slice(lines.findIndex((line) => line.startsWith('Release notes')));
  };
  assert.deepEqual(end('2026.1'), [
    'Release notes (newer than the installed 2026.1):',
    '  2026.2',
    '    News of 2026.2.',
  ]);
  assert.equal(end(null)[0], 'Release notes (all that this file has):');
  assert.deepEqual(report({ notes, installed: '2026.2' }).notes, { after: '2026.2', releases: [] });
  assert.equal(
    manifestText(report({ notes, installed: '2026.2' }), true)
      .join('\n')
      .includes('News'),
    false,
  );
});

test('names cannot steer a terminal', () => {
  const title = 'Tiny\u001b]0;owned\u0007\u001b[2J';
  const hostile = manifestReport({ ...index, title }, product, {
    digest: hex('9'),
    key: null,
    archives: [],
    host: answered,
    program: './tiny',
    notes: [],
    installed: null,
  });
  assert.equal(manifestText(hostile, true)[0], 'Product  Tiny 2026.2');
});

test('a path that a shell would take apart is quoted in the commands', () => {
  const [command] = report({
    archives: [{ name: 'core.tar.gz', path: "/opt/it's here/core.tar.gz", state: 'different' }],
  }).refresh;
  assert.equal(command?.command, `./tiny extract-file core.tar.gz '/opt/it'\\''s here/core.tar.gz'`);
});

test('what matches or cannot be read is not to be refreshed', () => {
  const archives = (['same', 'matches', 'unreadable'] as const).map((state) => ({
    name: 'core.tar.gz',
    path: '/x',
    state,
  }));
  assert.deepEqual(report({ archives }).refresh, []);
});

const licences: [
  what: string,
  entitlements: HostImages['entitlements'],
  granted: boolean | null,
  line: RegExp,
][] = [
  ['grants nothing', known([]), false, /^Left out, because the installed licence does not grant them:$/],
  ['is unknown', unanswered, null, /^Loaded only where the licence grants them:$/],
  ['is not installed', known(undefined), null, /^Loaded only where the licence grants them:$/],
];
for (const [what, entitlements, granted, line] of licences) {
  test(`where the licence ${what} both forms say which images depend on it, and on which entitlement`, () => {
    const made = report({ host: { ...answered, entitlements } });
    assert.deepEqual(
      made.images.map(({ licence }) => licence),
      [null, { entitlements: ['ALPHA'], granted }],
    );
    for (const summary of [true, false]) {
      const lines = manifestText(made, summary);
      const at = lines.findIndex((one) => line.test(one));
      assert.equal(lines[at + 1], '  registry.example/alpha:2026.2 (ALPHA)');
      assert.equal(lines.filter((one) => one.includes('(ALPHA)')).length, 1);
    }
  });
}

test('where the licence grants all images nothing is said of it', () => {
  const lines = manifestText(report(), true).join('\n');
  assert.doesNotMatch(lines, /ALPHA|licence grants|Left out/);
});
