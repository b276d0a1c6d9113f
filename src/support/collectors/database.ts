import { versionAndSize } from '../../host/database-size.ts';
import { known } from '../../known.ts';
import type { Collector } from '../collector.ts';

export const database: Collector = {
  id: 'database',
  title: 'The database and its schema version',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { database: postgres } = await ctx.host();
    const { product, release } = ctx.opened;
    const asked = await known(postgres.schemaVersion(product.database.schemaVersionQuery, ctx.signal));
    ctx.facts.schema = asked;
    if (!asked.known) throw new Error(asked.why);
    ctx.add(
      'database.txt',
      `schema version: ${asked.value}\n` +
        `schema version of the release in this package: ${release.schema.target}`,
    );
    const { versionNumber, sizeBytes } = await versionAndSize(postgres, ctx.signal);
    ctx.add(
      'server.txt',
      `server_version_num: ${versionNumber}\nsize of the database in bytes: ${sizeBytes}`,
    );
  },
};
