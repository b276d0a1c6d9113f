import type { Manifest } from '../host/kubectl.ts';
import { normalizedReference } from '../images/reference.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import { databaseVolume } from '../release/database-volume.ts';
import { majorInFolder } from '../release/kept-data.ts';
import { podTemplates } from '../release/pod-templates.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

/** The data folder belongs to one major version: the rendered server must have the same. */
export const postgresMajor: Check<UpgradeCheckContext> = {
  id: 'postgres-major',
  kind: 'guard',
  title: 'PostgreSQL major version',
  limit: 'the rendered version equals the running version',
  why: 'another major version cannot read the data folder',
  fix: 'dump and restore into the new major by hand first; ask the vendor',
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure(ctx, facts) {
    const next = renderedMajor(await ctx.rendered(), ctx);
    const running = await facts.database().then(
      ({ versionNumber }) => Math.floor(versionNumber / 10_000),
      () => majorOnDisk(ctx),
    );
    const limit = `the chart renders ${next.major ?? 'an unknown version'} (${next.from})`;
    if (running === undefined) {
      return {
        outcome: 'fail',
        measured: 'not known: the database does not answer, and its folder holds no PG_VERSION',
        limit,
        fix: `${sudo.kubectl} describe pod -n ${ctx.product.namespace} -l ${ctx.product.database.selector}`,
      };
    }
    return { outcome: running === next.major ? 'ok' : 'fail', measured: `PostgreSQL ${running} runs`, limit };
  },
};

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
  const tagged = /:v?(\d+)[^/]*$/.exec(image)?.[1];
  return { major: tagged === undefined ? undefined : Number(tagged), from: image };
}

/** PG_VERSION in the data folder: known even when the server does not run. */
async function majorOnDisk({ kubectl, product, signal }: UpgradeCheckContext): Promise<number | undefined> {
  const { path } = await databaseVolume(kubectl, product, signal);
  return path === undefined ? undefined : majorInFolder(path);
}
