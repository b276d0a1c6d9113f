import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManifestFindings } from '../../../src/commands/manifest-report.ts';
import { manifestReport } from '../../../src/commands/manifest-report.ts';
import { manifestText } from '../../../src/commands/manifest-text.ts';
import type { PayloadIndex } from '../../../src/payload/index-schema.ts';

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

const report = (findings: Partial<ManifestFindings> = {}) =>
  manifestReport(index, {
    digest: hex('9'),
    archives: [
      { name: 'core.tar.gz', path: '/opt/tiny/core.tar.gz', state: 'different', detail: 'it has 1 bytes' },
      { name: 'sets/alpha.tar.gz', path: '/opt/tiny/sets/alpha.tar.gz', state: 'missing' },
    ],
    containerd: ['same', 'missing'],
    program: './tiny',
    ...findings,
  });

test('the summary is golden', () => {
  assert.deepEqual(manifestText(report(), true), [
    'Product  Tiny 2026.2',
    'Payload  134 MiB behind an executable of 105 MiB, format 1.0',
    `Digest   sha256:${hex('9')}`,
    '',
    'IMAGE                           IMAGE ID          SIZE  IN CONTAINERD',
    'registry.example/server:2026.2  000000000000  2.86 MiB  same',
    'registry.example/alpha:2026.2   111111111111  2.86 MiB  missing',
    '',
    'ARCHIVE            HOLDS        SIZE  ON DISK',
    'core.tar.gz        1 image  2.96 MiB  different: it has 1 bytes',
    'sets/alpha.tar.gz  1 image  2.96 MiB  missing',
    '',
    'To bring the archives on disk to this release:',
    '  ./tiny extract-file core.tar.gz /opt/tiny/core.tar.gz',
    '',
    'To put the missing archives on disk (without them, images come from this executable):',
    '  ./tiny extract-file sets/alpha.tar.gz /opt/tiny/sets/alpha.tar.gz',
  ]);
});

test('without --summary image IDs are whole and the files are listed, blobs left out', () => {
  const text = manifestText(report(), false).join('\n');
  assert.match(text, new RegExp(`linux/amd64  sha256:${hex('0')} +1  2.86 MiB  same`));
  assert.match(text, /^chart\/Chart.yaml +80 B$/m);
  assert.ok(!text.includes('blobs/'));
});

test('a containerd that did not answer is said once, and no image is called missing', () => {
  const silent = report({ containerd: { unknown: 'not answered within 2 s' } });
  assert.deepEqual(
    silent.images.map(({ containerd }) => containerd),
    ['unknown', 'unknown'],
  );
  const text = manifestText(silent, true).join('\n');
  assert.match(text, /^containerd was not compared: not answered within 2 s$/m);
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
