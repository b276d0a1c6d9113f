import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { DumpScan } from '../../../src/host/dump-scan.ts';

const dump = String.raw`--
-- PostgreSQL database dump
--

\restrict abcKEY

SET statement_timeout = 0;
SET client_encoding = 'UTF8';

CREATE FUNCTION public.trap() RETURNS text LANGUAGE sql AS $$ SELECT '
COPY public.trap (a) FROM stdin;
-- PostgreSQL database dump complete
x' $$;

--
-- Data for Name: wells; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.wells (id, name, "odd (col)") FROM stdin;
1	A-1	x
2	-- PostgreSQL database dump complete	\\.
3	B\n2	y
\.


--
-- Data for Name: empty one; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public."empty (one)" (id) FROM stdin;
\.


--
-- PostgreSQL database dump complete
--

\unrestrict abcKEY

`;

/** Of the three rows, in whatever order. */
const checksum = '447f142fd772b53d';

function scan(text: string, chunkBytes = text.length) {
  const scanner = new DumpScan();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.update(bytes.subarray(at, at + chunkBytes));
  return scanner.finish();
}

describe('the scan of a dump', () => {
  it('names the first line that would be done outside of the database', () => {
    const leaving = (text: string) => {
      const scanner = new DumpScan();
      scanner.update(Buffer.from(text));
      return scanner.leaves;
    };
    assert.equal(leaving(dump), undefined);
    for (const line of [
      '\\connect other',
      '\\c other',
      '\\! id',
      'DROP DATABASE x;',
      'create database "a b";',
    ])
      assert.equal(leaving(`${dump}${line}\nALTER DATABASE x SET y = 1;\n`), line);
    assert.equal(leaving(dump.replace('2\t--', '\\connect other\t--')), undefined);
  });

  for (const chunkBytes of [1, 2, 7, 4096]) {
    it(`counts rows and hashes in pieces of ${chunkBytes} bytes`, () => {
      assert.deepEqual(scan(dump, chunkBytes), {
        sizeBytes: Buffer.byteLength(dump),
        sha256: createHash('sha256').update(dump).digest('hex'),
        tables: [
          { table: 'public.wells', rows: 3, checksum },
          { table: 'public."empty (one)"', rows: 0, checksum: '0000000000000000' },
        ],
        totalRows: 3,
        objects: [
          { table: 'the list of sequences', rows: 0, checksum: '0000000000000000' },
          { table: 'the list of large objects', rows: 0, checksum: '0000000000000000' },
        ],
        encoding: 'UTF8',
      });
    });
  }

  const columns = Array.from({ length: 400 }, (_, at) => `"a rather long name of a column ${at}"`);
  for (const chunkBytes of [1, 5000, 100_000]) {
    it(`counts the rows of a table with hundreds of columns in pieces of ${chunkBytes} bytes`, () => {
      const wide = dump.replace('(id, name, "odd (col)")', `(${columns.join(', ')})`);
      assert.ok(wide.length > dump.length + 4096);
      assert.deepEqual(scan(wide, chunkBytes).tables, [
        { table: 'public.wells', rows: 3, checksum },
        { table: 'public."empty (one)"', rows: 0, checksum: '0000000000000000' },
      ]);
    });
  }

  it('has the same checksum for the same rows in another order, and another one for any other byte', () => {
    const rows = [
      '1\tA-1\tx',
      String.raw`2	-- PostgreSQL database dump complete	\\.`,
      String.raw`3	B\n2	y`,
    ];
    const block = `${rows.join('\n')}\n`;
    assert.ok(dump.includes(block));
    const withRows = (text: string) => scan(dump.replace(block, () => text)).tables[0]?.checksum;
    assert.equal(withRows(`${rows.toReversed().join('\n')}\n`), checksum);
    for (let at = 0; at < block.length; at += 1) {
      if (block[at] === '\n') continue;
      const other = String.fromCharCode(block.charCodeAt(at) ^ 1);
      assert.notEqual(withRows(block.slice(0, at) + other + block.slice(at + 1)), checksum, `at ${at}`);
    }
    assert.notEqual(withRows(`${block}${rows[0] ?? ''}\n`), checksum, 'a row twice');
    assert.notEqual(withRows(block.replace('\n', '')), checksum, 'two rows as one');
  });

  it('takes the values of sequences and large objects for rows, wherever the text is cut', () => {
    const value = (of: string, last: number) => `SELECT pg_catalog.setval('${of}', ${last}, true);`;
    const object = (id: number, ...pieces: string[]) => [
      `SELECT pg_catalog.lo_open('${id}', 131072);`,
      ...pieces.map((piece) => `SELECT pg_catalog.lowrite(0, '\\x${piece}');`),
      'SELECT pg_catalog.lo_close(0);',
    ];
    const announced = (what: string, lines: readonly string[]) => [
      '',
      '--',
      `-- ${what}`,
      '--',
      '',
      ...lines,
      '',
    ];
    const withObjects = (last: number, one: string[], two: string[]) => {
      const lines = [
        ...announced('Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -', [
          'BEGIN;',
          '',
          ...object(1, ...one),
          '',
          ...object(2, ...two),
          '',
          'COMMIT;',
        ]),
        ...announced('Name: a; Type: FUNCTION; Schema: b; Owner: c', [value('not.one', 1)]),
        ...announced('Name: ids; Type: SEQUENCE SET; Schema: public; Owner: c', [value('public.ids', last)]),
      ];
      const end = '\n--\n-- PostgreSQL database dump complete';
      return dump.replace(end, () => `${lines.join('\n')}${end}`);
    };
    const long = 'ab'.repeat(9000);
    const usual = scan(withObjects(7, [long, 'cd'], ['ef'])).objects;
    assert.deepEqual(
      usual.map(({ rows }) => rows),
      [1, 2],
    );
    for (const chunkBytes of [1, 77, 5000]) {
      assert.deepEqual(scan(withObjects(7, [long, 'cd'], ['ef']), chunkBytes).objects, usual);
    }
    // As PostgreSQL 17 announces one, or many.
    for (const names of ['1', '1..2']) {
      const later = withObjects(7, [long, 'cd'], ['ef']).replace('Name: BLOBS;', `Name: ${names};`);
      assert.deepEqual(scan(later).objects, usual, names);
    }
    const others = [withObjects(8, [long, 'cd'], ['ef']), withObjects(7, [long, 'ef'], ['cd'])];
    assert.notEqual(scan(others[0] ?? '').objects[0]?.checksum, usual[0]?.checksum);
    assert.notEqual(scan(others[1] ?? '').objects[1]?.checksum, usual[1]?.checksum);
  });

  it('counts the rows of a table whose names hold ends of lines', () => {
    const odd = dump.replace('wells (id, name, "odd (col)")', '"we\nlls" (id, "\n", "a\n\nCOPY b (c)")');
    for (const chunkBytes of [1, 100, 4096]) {
      assert.deepEqual(scan(odd, chunkBytes).tables[0], { table: 'public."we\nlls"', rows: 3, checksum });
    }
  });

  it('refuses a dump that was cut at any byte before its last line was complete', () => {
    const whole = dump.lastIndexOf('\n\n') + 1;
    for (let length = 0; length < whole; length += 1) {
      assert.throws(() => scan(dump.slice(0, length)), /is incomplete/, `cut after ${length} bytes`);
    }
    scan(dump.slice(0, whole));
  });

  it('accepts the end of an older pg_dump, which knows no \\unrestrict', () => {
    const older = dump.replace(/\\restrict.*\n/, '').replace(/\\unrestrict.*\n/, '');
    assert.equal(scan(older).totalRows, 3);
  });

  it('does not keep a long row', () => {
    const long = dump.replace('A-1', 'A'.repeat(3_000_000));
    assert.equal(scan(long, 65_536).totalRows, 3);
  });
});
