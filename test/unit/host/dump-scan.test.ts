import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { DumpScan } from '../../../src/host/dump-scan.ts';

const dump = String.raw`--
-- PostgreSQL database dump
--

\restrict abcKEY

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

function scan(text: string, chunkBytes = text.length) {
  const scanner = new DumpScan();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.update(bytes.subarray(at, at + chunkBytes));
  return scanner.finish();
}

describe('the scan of a dump', () => {
  for (const chunkBytes of [1, 2, 7, 4096]) {
    it(`counts rows and hashes in pieces of ${chunkBytes} bytes`, () => {
      assert.deepEqual(scan(dump, chunkBytes), {
        sizeBytes: Buffer.byteLength(dump),
        sha256: createHash('sha256').update(dump).digest('hex'),
        tables: [
          { table: 'public.wells', rows: 3 },
          { table: 'public."empty (one)"', rows: 0 },
        ],
        totalRows: 3,
      });
    });
  }

  const columns = Array.from({ length: 400 }, (_, at) => `"a rather long name of a column ${at}"`);
  for (const chunkBytes of [1, 5000, 100_000]) {
    it(`counts the rows of a table with hundreds of columns in pieces of ${chunkBytes} bytes`, () => {
      const wide = dump.replace('(id, name, "odd (col)")', `(${columns.join(', ')})`);
      assert.ok(wide.length > dump.length + 4096);
      assert.deepEqual(scan(wide, chunkBytes).tables, [
        { table: 'public.wells', rows: 3 },
        { table: 'public."empty (one)"', rows: 0 },
      ]);
    });
  }

  it('counts the rows of a table whose names hold ends of lines', () => {
    const odd = dump.replace('wells (id, name, "odd (col)")', '"we\nlls" (id, "\n", "a\n\nCOPY b (c)")');
    for (const chunkBytes of [1, 100, 4096]) {
      assert.deepEqual(scan(odd, chunkBytes).tables[0], { table: 'public."we\nlls"', rows: 3 });
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
