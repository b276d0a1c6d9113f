import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryMistakes } from '../../../build/schema-query.ts';
import type { SpecFile } from '../../../build/spec-file.ts';
import type { Product } from '../../../src/payload/product-schema.ts';

const judged = (schemaVersionQuery: string) =>
  queryMistakes({
    value: { database: { schemaVersionQuery } } as Product,
    at: () => 'product.yaml:7',
  } as unknown as SpecFile<Product>);

const taken = [
  'select max(version) from migrations',
  'SELECT version FROM schema_state;',
  'WITH a AS (SELECT 1 AS version) SELECT version FROM a',
  '(select 1) union (select 2) order by 1 desc limit 1',
  "-- the newest; of all\nselect count(*) from m where note <> 'insert; drop' /* update /* set */ */",
  'select "set" from "update" where "do;" = $a$ delete ; $a$',
  "select m.set, replace(e'\\';', 'x', 'y') from m",
  `SELECT CASE WHEN to_regclass('public.schema_migrations') IS NULL THEN 0
    ELSE COALESCE((xpath('/row/version/text()', query_to_xml('SELECT max(version) AS version FROM m',
    false, true, '')))[1]::text::integer, 0) END`,
  'table schema_version',
];
for (const query of taken)
  test(`is taken: ${query.split('\n')[0]}`, () => assert.deepEqual(judged(query), []));

const refused: [string, string][] = [
  ['update schema set version = 3 returning version', 'starts with UPDATE'],
  ['insert into a values (1) returning 1', 'starts with INSERT'],
  ['with a as (delete from m returning 1) select * from a', 'writes or locks (DELETE)'],
  ['select version into x from m', 'writes or locks (INTO)'],
  ['select version from m for update', 'writes or locks (UPDATE)'],
  ['select version from m for share', 'writes or locks (SHARE)'],
  ["select nextval('s')", 'writes or locks (NEXTVAL)'],
  ["select pg_catalog.setval('s', 1)", 'writes or locks (SETVAL)'],
  ['select 1; drop table m', 'is more than one statement'],
  ['set role a', 'starts with SET'],
  ['create table if not exists m (version int)', 'starts with CREATE'],
  ['do $$ begin perform 1; end $$', 'starts with DO'],
  ["select 'a", 'has a quote or comment that does not end'],
  ['select 1 /* a', 'has a quote or comment that does not end'],
  ['', 'starts with NOTHING'],
];
for (const [query, what] of refused)
  test(`is refused: ${query}`, () =>
    assert.deepEqual(judged(query), [
      `product.yaml:7: database.schemaVersionQuery ${what}: write one SELECT of one integer ` +
        `that changes nothing`,
    ]));
