import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import type { Postgres } from './postgres.ts';

const text = z.string().nullable();

const setting = z.object({
  /** Null: of every role. */
  role: text,
  /** False: wherever the role connects to. */
  inDatabase: z.boolean(),
  /** `name=value`, lists with their elements quoted. */
  settings: z.array(z.string()),
});

/**
 * What belongs to a database and not to its tables, and what belongs to the server's roles: none of it is in
 * a dump.
 */
export const databaseProperties = z.object({
  /** The row of pg_database, whatever the server's version, and what its numbers mean. */
  database: z.looseObject({
    encodingName: z.string(),
    owner: z.string(),
    tablespace: z.string(),
    comment: text,
    /** On disk; absent where the server did not say. */
    sizeBytes: z.int().optional(),
    datcollate: z.string(),
    datctype: z.string(),
    datconnlimit: z.int(),
    datistemplate: z.boolean(),
    datallowconn: z.boolean(),
    datacl: z.array(z.string()).nullable(),
    /** `c`, `i` or `b`; since PostgreSQL 15. */
    datlocprovider: z.string().optional(),
    /** Since 15; `datlocale` since 17. */
    daticulocale: text.optional(),
    datlocale: text.optional(),
    daticurules: text.optional(),
  }),
  /**
   * Each privilege on the database; a grantee of null is PUBLIC. Without meaning where `datacl` is null,
   * which means the defaults.
   */
  grants: z.array(
    z.object({ grantor: z.string(), grantee: text, privilege: z.string(), grantable: z.boolean() }),
  ),
  labels: z.array(z.object({ provider: z.string(), label: z.string() })),
  settings: z.array(setting),
  /** Rows of pg_authid, password hashes among them. */
  roles: z.array(
    z.looseObject({
      rolname: z.string(),
      rolsuper: z.boolean(),
      rolinherit: z.boolean(),
      rolcreaterole: z.boolean(),
      rolcreatedb: z.boolean(),
      rolcanlogin: z.boolean(),
      rolreplication: z.boolean(),
      rolbypassrls: z.boolean(),
      rolconnlimit: z.int(),
      rolpassword: text,
      rolvaliduntil: text,
      comment: text,
    }),
  ),
  members: z.array(
    z.looseObject({
      roleName: z.string(),
      memberName: z.string(),
      /** Null where that role is gone. */
      grantorName: text,
      admin_option: z.boolean(),
      /** Both since PostgreSQL 16. */
      inherit_option: z.boolean().optional(),
      set_option: z.boolean().optional(),
    }),
  ),
});

export type DatabaseProperties = z.infer<typeof databaseProperties>;

const here = '(SELECT oid FROM pg_database WHERE datname = current_database())';
const list = (row: string, from: string) => `(SELECT coalesce(jsonb_agg(${row}), '[]') FROM ${from})`;

const question = `SELECT jsonb_build_object(
  'database', (SELECT to_jsonb(d) || jsonb_build_object('encodingName', pg_encoding_to_char(d.encoding),
    'owner', pg_get_userbyid(d.datdba), 'tablespace', t.spcname, 'comment', shobj_description(d.oid, 'pg_database'),
    'sizeBytes', pg_database_size(d.oid))
    FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.oid = ${here}),
  'grants', ${list(
    `jsonb_build_object('grantor', pg_get_userbyid(a.grantor), 'grantee',
      CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END, 'privilege', a.privilege_type, 'grantable', a.is_grantable)`,
    `pg_database d, aclexplode(d.datacl) a WHERE d.oid = ${here}`,
  )},
  'labels', ${list(`jsonb_build_object('provider', provider, 'label', label)`, `pg_shseclabel WHERE classoid = 'pg_database'::regclass AND objoid = ${here}`)},
  'settings', ${list(
    `jsonb_build_object('role', r.rolname, 'inDatabase', s.setdatabase <> 0, 'settings', s.setconfig)`,
    `pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
     WHERE s.setdatabase IN (0, ${here}) AND (s.setrole = 0 OR r.oid IS NOT NULL)`,
  )},
  'roles', ${list(`to_jsonb(a) || jsonb_build_object('comment', shobj_description(a.oid, 'pg_authid'))`, `pg_authid a WHERE a.rolname !~ '^pg_'`)},
  'members', ${list(
    "to_jsonb(m) || jsonb_build_object('roleName', r.rolname, " +
      "'memberName', u.rolname, 'grantorName', g.rolname)",
    `pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
     LEFT JOIN pg_roles g ON g.oid = m.grantor WHERE u.rolname !~ '^pg_'`,
  )})`;

/** Holds password hashes. Throws 'failed' for an answer that is empty or cut off. */
export async function readProperties(postgres: Postgres, signal?: AbortSignal): Promise<DatabaseProperties> {
  const answer = (await postgres.query(question, signal))[0]?.[0] ?? '';
  try {
    return databaseProperties.parse(JSON.parse(answer));
  } catch {
    // Without quoting the answer: it holds password hashes.
    throw new IvaapError(
      'failed',
      "the database's settings and roles could not be read: the answer " +
        `is ${answer === '' ? 'empty' : 'cut off or malformed'}`,
      { hint: 'run the same command again' },
    );
  }
}
