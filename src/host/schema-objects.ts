/**
 * The query for all that a schema consists of: one row for each object, with its kind, its name, and a hash
 * of its definition. Nothing in a definition depends on object ids, rows, statistics, owners or privileges,
 * so that a dump and its restore have the same rows. What an extension has made is the extension's; system
 * schemas, temporary ones and those of TOAST are left out.
 */

/**
 * The words of a definition depend on these settings. GMT is the one time zone that a server knows without
 * time zone files, which small images lack.
 */
const settings = [
  "SET LOCAL search_path = ''",
  'SET LOCAL quote_all_identifiers = off',
  "SET LOCAL TimeZone = 'GMT'",
  "SET LOCAL DateStyle = 'ISO, YMD'",
  "SET LOCAL IntervalStyle = 'postgres'",
  "SET LOCAL bytea_output = 'hex'",
  'SET LOCAL extra_float_digits = 1',
  "SET LOCAL lc_monetary = 'C'",
];

const foreignToUs = (catalog: string, oid: string) =>
  `NOT EXISTS (SELECT FROM made WHERE made.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass
    AND made.objid = ${oid})`;

const names = (column: string, from: string) => `(SELECT array_agg(${column} ORDER BY 1) FROM ${from})`;
const expression = (column: string, table: string) => `pg_get_expr(${column}, ${table})`;
const collation = (oid: string) =>
  `(SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
    JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = ${oid})`;

/** Kind, then the query of its name and definition. */
const objects: [kind: string, query: string][] = [
  [
    'schema',
    `SELECT quote_ident(nspname), '' FROM ns
    WHERE nspname <> 'public' AND ${foreignToUs('pg_namespace', 'oid')}`,
  ],
  [
    'extension',
    `SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.oid >= 16384`,
  ],
  [
    'table',
    `SELECT r.name, ROW(r.relkind, r.relpersistence, ${names('o', 'unnest(r.reloptions) o')}, am.amname,
      r.relrowsecurity, r.relforcerowsecurity, r.relreplident, ${expression('r.relpartbound', 'r.oid')},
      CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END,
      ${names('i.inhparent::regclass::text', 'pg_inherits i WHERE i.inhrelid = r.oid')},
      CASE WHEN r.reloftype <> 0 THEN r.reloftype::regtype::text END,
      (SELECT ROW(s.srvname, f.ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = r.oid))::text
    FROM rel r LEFT JOIN pg_am am ON am.oid = r.relam WHERE r.relkind IN ('r', 'p', 'f')`,
  ],
  [
    // The columns of a child are sorted anew by a dump.
    'order of columns',
    `SELECT r.name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid
    WHERE r.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
      AND (r.relispartition OR NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = r.oid)) GROUP BY 1`,
  ],
  [
    'column',
    `SELECT r.name || '.' || quote_ident(a.attname), ROW(format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
      a.attgenerated, a.attstorage, a.attcompression, ${expression('d.adbin', 'd.adrelid')},
      CASE WHEN a.attcollation <> t.typcollation THEN ${collation('a.attcollation')} END)::text
    FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped`,
  ],
  [
    'view',
    `SELECT r.name, ROW(r.relkind, ${names('o', 'unnest(r.reloptions) o')}, pg_get_viewdef(r.oid))::text
    FROM rel r WHERE r.relkind IN ('v', 'm')`,
  ],
  [
    'index',
    `SELECT x.indexrelid::regclass::text, ROW(pg_get_indexdef(x.indexrelid), x.indisvalid, x.indisready, x.indisreplident)::text
    FROM rel r JOIN pg_index x ON x.indrelid = r.oid`,
  ],
  [
    // A foreign key's copies for partitions get names of their own; whether a column may be null is in the
    // column's row.
    'constraint',
    `SELECT coalesce(r.name, y.typ) || '.' || quote_ident(c.conname), ROW(c.contype, pg_get_constraintdef(c.oid))::text
    FROM pg_constraint c LEFT JOIN rel r ON r.oid = c.conrelid LEFT JOIN typ y ON y.oid = c.contypid
    WHERE (r.oid IS NOT NULL OR y.oid IS NOT NULL) AND c.contype <> 'n' AND NOT (c.contype = 'f' AND c.conparentid <> 0)`,
  ],
  [
    'sequence',
    `SELECT r.name, ROW(format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle, r.relpersistence,
      (SELECT d.refobjid::regclass::text || '.' || a.attname FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0))::text
    FROM rel r JOIN pg_sequence s ON s.seqrelid = r.oid`,
  ],
  [
    'type',
    `SELECT y.typ, ROW(y.typtype, y.typnotnull, y.typdefault, y.typlen, y.typalign, y.typstorage, y.typinput::text,
      CASE WHEN y.typbasetype <> 0 THEN format_type(y.typbasetype, y.typtypmod) END, CASE WHEN y.typtype = 'd' THEN ${collation('y.typcollation')} END,
      (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = y.oid),
      (SELECT array_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
      (SELECT ROW(format_type(g.rngsubtype, NULL), ${collation('g.rngcollation')}, (SELECT o.opcname FROM pg_opclass o WHERE o.oid = g.rngsubopc),
        g.rngcanonical::text, g.rngsubdiff::text) FROM pg_range g WHERE g.rngtypid = y.oid))::text FROM typ y`,
  ],
  [
    'function',
    `SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), ROW(p.prokind,
      CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, pg_get_function_result(p.oid),
      (SELECT ROW(g.aggkind, g.aggtransfn::text, g.aggfinalfn::text, g.aggcombinefn::text, g.aggserialfn::text, g.aggdeserialfn::text,
        g.aggmtransfn::text, g.aggminvtransfn::text, g.aggmfinalfn::text, g.aggtranstype::regtype::text, g.agginitval, g.aggminitval,
        g.aggfinalmodify, g.aggfinalextra, p.proparallel) FROM pg_aggregate g WHERE g.aggfnoid = p.oid))::text
    FROM pg_proc p JOIN ns n ON n.oid = p.pronamespace WHERE ${foreignToUs('pg_proc', 'p.oid')}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')`,
  ],
  [
    'trigger',
    `SELECT r.name || '.' || quote_ident(t.tgname), ROW(pg_get_triggerdef(t.oid), t.tgenabled)::text
    FROM rel r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal AND t.tgparentid = 0`,
  ],
  [
    'rule',
    `SELECT r.name || '.' || quote_ident(w.rulename), ROW(pg_get_ruledef(w.oid), w.ev_enabled)::text
    FROM rel r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'`,
  ],
  [
    'policy',
    `SELECT r.name || '.' || quote_ident(p.polname), ROW(p.polcmd, p.polpermissive,
      ${names('CASE WHEN o <> 0 THEN pg_get_userbyid(o)::text END', 'unnest(p.polroles) o')},
      ${expression('p.polqual', 'p.polrelid')}, ${expression('p.polwithcheck', 'p.polrelid')})::text
    FROM rel r JOIN pg_policy p ON p.polrelid = r.oid`,
  ],
  [
    'statistics object',
    `SELECT format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s JOIN ns n ON n.oid = s.stxnamespace`,
  ],
  [
    'other object',
    `SELECT i.type || ' ' || i.identity, o.definition FROM (
      SELECT 'pg_catalog.pg_collation'::regclass AS class, oid, ROW(collprovider, collcollate, collctype, collisdeterministic)::text AS definition
        FROM pg_collation WHERE collnamespace IN (SELECT oid FROM ns) AND ${foreignToUs('pg_collation', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_operator'::regclass, oid, ROW(oprcode::text, oprcom::regoperator::text, oprnegate::regoperator::text,
        oprrest::text, oprjoin::text, oprcanmerge, oprcanhash)::text
        FROM pg_operator WHERE oprnamespace IN (SELECT oid FROM ns) AND ${foreignToUs('pg_operator', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_opclass'::regclass, oid, ROW(opcdefault, opcintype::regtype::text, opckeytype)::text
        FROM pg_opclass WHERE opcnamespace IN (SELECT oid FROM ns) AND ${foreignToUs('pg_opclass', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_cast'::regclass, oid, ROW(castcontext, castmethod, CASE WHEN castfunc <> 0 THEN castfunc::regprocedure::text END)::text
        FROM pg_cast WHERE oid >= 16384 AND ${foreignToUs('pg_cast', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid, (SELECT array_agg(ROW(m.maptokentype, m.mapseqno, m.mapdict::regdictionary::text)::text ORDER BY 1)
        FROM pg_ts_config_map m WHERE m.mapcfg = c.oid)::text FROM pg_ts_config c WHERE cfgnamespace IN (SELECT oid FROM ns) AND ${foreignToUs('pg_ts_config', 'c.oid')}
      UNION ALL SELECT 'pg_catalog.pg_ts_dict'::regclass, oid, dictinitoption
        FROM pg_ts_dict WHERE dictnamespace IN (SELECT oid FROM ns) AND ${foreignToUs('pg_ts_dict', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_foreign_server'::regclass, oid, ROW(srvtype, srvversion, ${names('o', 'unnest(srvoptions) o')})::text
        FROM pg_foreign_server WHERE ${foreignToUs('pg_foreign_server', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_event_trigger'::regclass, oid, ROW(evtevent, evtfoid::regprocedure::text, evtenabled, evttags)::text
        FROM pg_event_trigger WHERE ${foreignToUs('pg_event_trigger', 'oid')}
      UNION ALL SELECT 'pg_catalog.pg_publication'::regclass, p.oid, ROW(puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
        ${names('t.prrelid::regclass::text', 'pg_publication_rel t WHERE t.prpubid = p.oid')})::text FROM pg_publication p
    ) o, pg_identify_object(o.class, o.oid, 0) i`,
  ],
];

/**
 * An expression whose list holds `character varying` has its casts elsewhere once it was dumped and
 * restored: (ARRAY['a'::character varying])::text[] becomes
 * ARRAY[('a'::character varying)::text]. Both become the same.
 */
const element = String.raw`'(?:[^']|'')*'::character varying`;
const withoutCasts = (column: string) =>
  String.raw`regexp_replace(regexp_replace(${column}, $re$\((${element})\)::text$re$, '\1', 'g'),
    $re$\(ARRAY\[((?:${element}(?:, )?)+)\]\)::text\[\]$re$, 'ARRAY[\1]', 'g')`;

/** Throws where it cannot tell; a table that is locked is no answer. */
export const schemaObjectsQuery = `${settings.join('; ')};
WITH ns AS MATERIALIZED (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
made AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
rel AS MATERIALIZED (SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN ns n ON n.oid = c.relnamespace
  WHERE ${foreignToUs('pg_class', 'c.oid')}),
typ AS MATERIALIZED (SELECT t.*, format('%I.%I', n.nspname, t.typname) AS typ FROM pg_type t JOIN ns n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('b', 'd', 'e', 'r', 'c') AND t.typcategory <> 'A' AND (c.oid IS NULL OR c.relkind = 'c') AND ${foreignToUs('pg_type', 't.oid')}),
object(kind, name, definition) AS (
  ${objects.map(([kind, query]) => `SELECT '${kind}', o.* FROM (${query}) o`).join('\n  UNION ALL ')})
SELECT 'server', current_setting('server_version_num'), ''
UNION ALL SELECT kind, name, encode(sha256(convert_to(${withoutCasts('definition')}, getdatabaseencoding())), 'hex') FROM object`;
