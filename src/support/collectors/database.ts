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
    const [row = []] = await postgres.query(
      "SELECT current_setting('server_version_num'), pg_database_size(current_database())",
      ctx.signal,
    );
    ctx.add('server.txt', `server_version_num: ${row[0]}\nsize of the database in bytes: ${row[1]}`);
  },
};
