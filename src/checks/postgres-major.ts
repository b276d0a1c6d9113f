import { lstatSync } from 'node:fs';
import { foreign } from '../foreign.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import type { Manifest } from '../host/kubectl.ts';
import { isMountPoint } from '../host/mounts.ts';
import { normalizedReference, versionOf } from '../images/reference.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import { type MajorChange, switchId } from '../backup/upgrade-results.ts';
import { recordedNames } from '../release/data-folders.ts';
import { databaseVolume } from '../release/database-volume.ts';
import { majorInFolder } from '../release/kept-data.ts';
import { nextServerObjects } from '../release/next-server.ts';
import { podTemplates } from '../release/pod-templates.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { shellWord, sudo } from '../shell-word.ts';

/** The data folder belongs to one major version: the rendered server must have the same. */
export const postgresMajor: Check<UpgradeCheckContext> = {
  id: 'postgres-major',
  kind: 'guard',
  title: 'PostgreSQL major version',
  limit: 'the rendered version equals the running version, or the data can go to it by dump and restore',
  limitInFull:
    "the rendered version equals the running version; or it is a later one, the product's data say that an " +
    'upgrade dumps and restores into it, the server has no other database and no other tablespace, and the ' +
    "data folder is the installer's, no mount point and no link",
  why: 'another major version cannot read the data folder',
  fix:
    'this package does not take the data there: ask the vendor for one that does, or dump and restore into ' +
    'the new major by hand first',
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure(ctx, facts) {
    const next = renderedMajor(await ctx.rendered(), ctx);
    const running = await facts.database().then(
      ({ versionNumber }) => Math.floor(versionNumber / 10_000),
      () => majorOnDisk(ctx),
    );
    const limit = `the chart renders ${next.major ?? 'an unknown version'} (${next.from})`;
    const { majorChange } = ctx;
    const isBegun = ctx.resumed && recordedNames(ctx.run(), switchId) !== undefined;
    if (isBegun && majorChange?.to === next.major) {
      // An earlier attempt had found nothing against it, and has stopped the old server.
      const measured = `on the way from PostgreSQL ${majorChange?.from} to ${majorChange?.to}`;
      return { outcome: 'ok', measured, limit };
    }
    if (running === undefined) {
      return {
        outcome: 'fail',
        measured: 'not known: the database does not answer, and its folder holds no PG_VERSION',
        limit,
        fix: `${sudo.kubectl} describe pod -n ${ctx.product.namespace} -l ${ctx.product.database.selector}`,
      };
    }
    if (running === next.major) return { outcome: 'ok', measured: `PostgreSQL ${running} runs`, limit };
    if (majorChange === undefined || majorChange.to !== next.major || majorChange.from !== running)
      return { outcome: 'fail', measured: `PostgreSQL ${running} runs`, limit };
    const against = await standsAgainst(ctx, majorChange);
    const goes = `PostgreSQL ${running} runs; its data go to ${majorChange.to} by dump and restore`;
    if (against === undefined) {
      const { folder } = majorChange;
      return {
        outcome: 'ok',
        measured: `${goes}, into a new folder beside ${folder}, which is kept; the product is down meanwhile`,
        limit,
      };
    }
    return { outcome: 'fail', measured: `${goes}, but ${against.what}`, limit, fix: against.fix };
  },
};

/** Why dump and restore cannot take all of the server's data to the new one; undefined where nothing is. */
async function standsAgainst(
  ctx: UpgradeCheckContext,
  { from, to, folder }: MajorChange,
): Promise<{ what: string; fix: string } | undefined> {
  const { database, signal, program } = ctx;
  if (to < from)
    return { what: 'no dump goes back to an older one', fix: 'use a package that runs a later one' };
  const look = `ls -ld ${shellWord(folder)}`;
  if (lstatSync(folder).isSymbolicLink()) return { what: `${folder} is a link`, fix: look };
  if (isMountPoint(folder)) {
    const fix = `mount it one folder higher, so that ${folder} is a folder in it; or restore by hand`;
    return { what: `${folder} is a mount point, which cannot be renamed`, fix };
  }
  await nextServerObjects(ctx, folder);
  const others = await otherDatabases(database, signal);
  if (others.length > 0) {
    return {
      what: `the server has other databases, which would not be in it: ${foreign(others.join(', '))}`,
      fix:
        'move them to another server; databases that a restore has moved aside, once nobody needs them: ' +
        `${program} restore --discard`,
    };
  }
  const tablespaces = await database.query(
    "SELECT spcname FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')",
    signal,
  );
  if (tablespaces.length === 0) return undefined;
  const names = tablespaces.map(([name = '']) => name).join(', ');
  return {
    what: `the server has tablespaces of its own: ${foreign(names)}`,
    fix: 'move what lies there to pg_default (ALTER TABLE … SET TABLESPACE), and drop them',
  };
}

/** An image of the payload has the release's major version; of any other image only the tag tells it. */
export function renderedMajor(
  rendered: readonly Manifest[],
  {
    product,
    release,
    index,
  }: {
    product: Pick<Product, 'database'>;
    release: Pick<Release, 'postgresMajor'>;
    index: Pick<PayloadIndex, 'images'>;
  },
): { major: number | undefined; from: string } {
  const { selector, container } = product.database;
  const pairs = selector.split(',').map((pair) => pair.split(/==?/) as [string, string?]);
  const template = podTemplates(rendered).find(({ labels }) =>
    pairs.every(([key, value]) => labels[key] === value),
  );
  const image = template?.containers.find(({ name }) => name === container)?.image;
  if (image === undefined) return { major: undefined, from: `no container ${container} with ${selector}` };
  const ours = index.images.some(
    ({ reference }) => normalizedReference(reference) === normalizedReference(image),
  );
  if (ours) return { major: release.postgresMajor, from: image };
  const tagged = /^v?(\d+)/.exec(versionOf(image)?.tag ?? '')?.[1];
  return { major: tagged === undefined ? undefined : Number(tagged), from: image };
}

/** PG_VERSION in the data folder: known even when the server does not run. */
async function majorOnDisk({ kubectl, product, signal }: UpgradeCheckContext): Promise<number | undefined> {
  const { path } = await databaseVolume(kubectl, product, signal);
  return path === undefined ? undefined : majorInFolder(path);
}
