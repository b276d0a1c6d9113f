import { createHash } from 'node:crypto';
import { readProperties } from '../../../src/host/database-properties.ts';
import { otherDatabases } from '../../../src/host/database-sessions.ts';
import { tarOf } from '../../fixtures/oci-layout.ts';
import type { Case } from './helm-cases.ts';
import type { World } from './worlds.ts';

/** containerd and PostgreSQL, through what the product reads of ctr, crictl, psql and pg_dump. */

const digestOf = (text: string | Buffer) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const layer = tarOf({ 'app/file': 'hello' });
const type = 'application/vnd.oci.image';
const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
});
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: `${type}.manifest.v1+json`,
  config: { mediaType: `${type}.config.v1+json`, digest: digestOf(config), size: config.length },
  layers: [{ mediaType: `${type}.layer.v1.tar`, digest: digestOf(layer), size: layer.length }],
});
const staged = 'tiny.invalid/staging/image:import';
const server = 'registry.example/tiny/server:2026.1';
const byDigest = `registry.example/tiny/server@${digestOf(manifest)}`;

/** As a payload's archives are: names by containerd's own annotation. */
const image = tarOf({
  'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  ...Object.fromEntries(
    [layer, config, manifest].map((blob) => [`blobs/${digestOf(blob).replace(':', '/')}`, blob]),
  ),
  'index.json': JSON.stringify({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: `${type}.manifest.v1+json`,
        digest: digestOf(manifest),
        size: manifest.length,
        annotations: { 'io.containerd.image.name': staged },
      },
    ],
  }),
});

async function* pieces() {
  yield image;
}

const all = async ({ containerd }: World) => ({
  names: await containerd.names(),
  checked: await containerd.check(),
  images: await containerd.runtimeImages(),
  blobs: [...(await containerd.blobs())].sort(),
});

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

export function containerdCases(): Case[] {
  const does = (name: string, act: (world: World) => Promise<void>): Case => {
    const failures = new Map<World, string | undefined>();
    const again = async (world: World) => ({ failed: failures.get(world), ...(await all(world)) });
    return {
      name,
      again,
      async ask(world) {
        failures.set(world, await act(world).then(() => undefined, message));
        return again(world);
      },
    };
  };
  return [
    { name: 'where it stores', ask: async ({ containerd }) => typeof (await containerd.root()) },
    { name: 'an empty store', ask: all },
    { name: 'a blob that is not there', ask: ({ containerd }) => containerd.blob(digestOf('none')) },
    {
      name: 'the hash of one that is not there',
      ask: ({ containerd }) => containerd.hashOf(digestOf('none')),
    },
    { name: 'containers that run', ask: ({ containerd }) => containerd.runtimeContainers() },
    { name: 'an image that is not there', ask: ({ containerd }) => containerd.check(server) },
    does('an import', ({ containerd }) => containerd.import(pieces())),
    { name: 'one image', ask: ({ containerd }) => containerd.check(staged) },
    { name: 'a blob', ask: ({ containerd }) => containerd.blob(digestOf(manifest)) },
    { name: 'the hash of a blob', ask: ({ containerd }) => containerd.hashOf(digestOf(config)) },
    {
      name: 'blobs and what they name',
      ask: async ({ containerd }) =>
        (await containerd.storedBlobs())
          .map(({ digest, names }) => ({ digest, names: names.toSorted() }))
          .sort((a, b) => a.digest.localeCompare(b.digest)),
    },
    does('a name more', ({ containerd }) => containerd.tag(staged, server)),
    does('the same name again', ({ containerd }) => containerd.tag(staged, server)),
    does('a name by digest', ({ containerd }) => containerd.tag(staged, byDigest)),
    does('a label of that', ({ containerd }) =>
      containerd.label(byDigest, { 'io.cri-containerd.pinned': 'pinned' }),
    ),
    { name: 'an image by digest', ask: ({ containerd }) => containerd.check(byDigest) },
    does('a name by digest removed', ({ containerd }) => containerd.remove([byDigest])),
    does('a name of what is not there', ({ containerd }) =>
      containerd.tag('registry.example/none:1', server),
    ),
    does('a label', ({ containerd }) =>
      containerd.label(server, { 'io.cri-containerd.pinned': 'pinned', 'tiny.installer/release': '2026.1' }),
    ),
    does('a label taken away', ({ containerd }) =>
      containerd.label(server, { 'tiny.installer/release': '' }),
    ),
    does('a label of what is not there', ({ containerd }) =>
      containerd.label('registry.example/none:1', { a: 'b' }),
    ),
    does('a name of what is pinned', ({ containerd }) =>
      containerd.tag(server, 'registry.example/tiny/other:1'),
    ),
    does('a name removed, and one that is not there', ({ containerd }) =>
      containerd.remove([staged, 'registry.example/none:1']),
    ),
    does('all names removed', ({ containerd }) =>
      containerd.remove([server, 'registry.example/tiny/other:1']),
    ),
    does('a blob dropped', ({ containerd }) => containerd.dropBlobs([digestOf(layer)])),
  ];
}

/** Its first and last lines without the word that is drawn for each dump, and its blocks of rows. */
const dumped = (text: string) => {
  const lines = text.replaceAll(/^(\\(?:un)?restrict) \S+$/gm, '$1 WORD').split('\n');
  return {
    begins: lines.slice(0, 6),
    ends: lines.slice(-7),
    rows: [...text.matchAll(/^COPY (\S+) \([^)]*\) FROM stdin;\n([^]*?)^\\\.$/gm)].map(([, name, block]) => ({
      name,
      block,
    })),
    headings: [...text.matchAll(/^-- Data for Name: .*$/gm)].map(([line]) => line),
  };
};

export function postgresCases(): Case[] {
  return [
    {
      name: "the server's version",
      ask: async ({ postgres }) => (await postgres.serverVersion()).replace(/\.\d+$/, ''),
    },
    {
      name: "the schema's version",
      ask: ({ postgres }) => postgres.schemaVersion('select max(version) from migrations'),
    },
    { name: 'rows', ask: ({ postgres }) => postgres.query('SELECT 1') },
    { name: 'other databases', ask: ({ postgres }) => otherDatabases(postgres) },
    {
      name: 'a dump',
      ask: async ({ postgres }) => {
        let text = '';
        await postgres.dump(async (dump, whole) => {
          for await (const piece of dump) {
            text += String(piece);
            if (text.includes('PostgreSQL database dump complete')) whole();
          }
        });
        return dumped(text);
      },
    },
    {
      name: 'a dump of the roles',
      ask: async ({ postgres }) => {
        const text = await postgres.dumpGlobals();
        return {
          hasRole: /^CREATE ROLE tiny;$/m.test(text),
          ends: text
            .trimEnd()
            .split('\n')
            .filter((line) => !line.startsWith('\\unrestrict'))
            .slice(-3),
        };
      },
    },
    {
      name: 'properties of the database',
      ask: async ({ postgres }) => {
        const { database, ...others } = await readProperties(postgres);
        return {
          owner: database.owner,
          encoding: database.encodingName,
          tablespace: database.tablespace,
          limit: database.datconnlimit,
          acl: database.datacl,
          comment: database.comment,
          provider: database.datlocprovider,
          others: Object.keys(others).sort(),
        };
      },
    },
  ];
}
