import type { DatabaseProperties } from './database-properties.ts';

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A literal that means the same whatever standard_conforming_strings is. */
export const literal = (text: string) =>
  text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;

/** The database that is made; psql replaces it by the name that it is given. */
const made = ':"restored"';
/** Of that name, for psql. */
export const madeVariable = 'restored';
const endMark = '-- This is the last line.';

const file = (what: string, lines: readonly string[]) =>
  [
    `-- ${what}`,
    "SET client_encoding TO 'UTF8';",
    'SET standard_conforming_strings TO on;',
    ...lines,
    endMark,
    '',
  ].join('\n');

/** Settings whose value is a list of names: given back name by name. */
const listSettings = [
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
];

/** `"a b", c` as it is stored. */
function listElements(value: string): string[] {
  return [...value.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(([whole, quoted]) =>
    quoted === undefined ? whole : quoted.replaceAll('""', '"'),
  );
}

function assignment(setting: string): string {
  const at = setting.indexOf('=');
  const name = setting.slice(0, at);
  const value = setting.slice(at + 1);
  const elements = listSettings.includes(name.toLowerCase()) ? listElements(value) : [value];
  const names = name.split('.').map(identifier).join('.');
  return `SET ${names} TO ${(elements.length === 0 ? [''] : elements).map(literal).join(', ')}`;
}

type Setting = DatabaseProperties['settings'][number];

const assignments = (settings: readonly Setting[], subject: (role: string | null) => string) =>
  settings.flatMap(({ role, settings: all }) => all.map((one) => `${subject(role)} ${assignment(one)};`));

/** What holds for a role, wherever and in the database, given to another `subject`; psql statements. */
export const settingsAs = (settings: readonly Setting[], role: string, subject: string): string[] =>
  assignments(
    settings
      .filter((one) => one.role === role)
      .toSorted((a, b) => Number(a.inDatabase) - Number(b.inDatabase)),
    () => subject,
  );

/** psql runs what the query gives. */
const where = (statement: string, condition: string) =>
  `SELECT ${literal(statement)} WHERE ${condition} \\gexec`;

function roleLines(role: DatabaseProperties['roles'][number]): string[] {
  const name = identifier(role.rolname);
  const named = `rolname = ${literal(role.rolname)}`;
  const word = (on: boolean, text: string) => (on ? text : `NO${text}`);
  const attributes = [
    word(role.rolsuper, 'SUPERUSER'),
    word(role.rolinherit, 'INHERIT'),
    word(role.rolcreaterole, 'CREATEROLE'),
    word(role.rolcreatedb, 'CREATEDB'),
    word(role.rolcanlogin, 'LOGIN'),
    word(role.rolreplication, 'REPLICATION'),
    word(role.rolbypassrls, 'BYPASSRLS'),
    `CONNECTION LIMIT ${role.rolconnlimit}`,
    `PASSWORD ${role.rolpassword === null ? 'NULL' : literal(role.rolpassword)}`,
  ];
  return [
    where(`CREATE ROLE ${name}`, `NOT EXISTS (SELECT FROM pg_roles WHERE ${named})`),
    `ALTER ROLE ${name} WITH ${attributes.join(' ')};`,
    role.rolvaliduntil === null
      ? where(
          `ALTER ROLE ${name} VALID UNTIL 'infinity'`,
          `EXISTS (SELECT FROM pg_roles WHERE ${named} AND rolvaliduntil < 'infinity')`,
        )
      : `ALTER ROLE ${name} VALID UNTIL ${literal(role.rolvaliduntil)};`,
    `ALTER ROLE ${name} RESET ALL;`,
    `COMMENT ON ROLE ${name} IS ${role.comment === null ? 'NULL' : literal(role.comment)};`,
  ];
}

/** Takes away the memberships that roles of before have now; those that they had follow. */
function memberLines({ roles, members }: DatabaseProperties): string[] {
  const known = roles.map(({ rolname }) => literal(rolname)).join(', ');
  const revoke = `SELECT format('REVOKE %I FROM %I', r.rolname, u.rolname)
  || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN format(' GRANTED BY %I CASCADE', g.rolname) ELSE '' END
  FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
  LEFT JOIN pg_roles g ON g.oid = m.grantor WHERE u.rolname IN (${known}) \\gexec`;
  // Whoever grants needs the right to, so that comes first.
  const inOrder = members.toSorted((a, b) => Number(b.admin_option) - Number(a.admin_option));
  return [
    ...(roles.length === 0 ? [] : [revoke]),
    ...inOrder.map((member) => {
      const { roleName, memberName, grantorName, admin_option, inherit_option, set_option } = member;
      const options =
        inherit_option === undefined || set_option === undefined
          ? admin_option
            ? ' WITH ADMIN OPTION'
            : ''
          : ` WITH ADMIN ${admin_option}, INHERIT ${inherit_option}, SET ${set_option}`;
      const by = grantorName === null ? '' : ` GRANTED BY ${identifier(grantorName)}`;
      return `GRANT ${identifier(roleName)} TO ${identifier(memberName)}${options}${by};`;
    }),
  ];
}

/** Makes an empty one of the same locale, encoding and owner. */
export function createLine({ database: of }: DatabaseProperties): string {
  const { datlocprovider: provider, datlocale, daticulocale, daticurules } = of;
  const locale = datlocale ?? daticulocale ?? null;
  const words = [
    'TEMPLATE template0',
    `ENCODING ${literal(of.encodingName)}`,
    ...(provider === undefined
      ? []
      : [`LOCALE_PROVIDER ${{ c: 'libc', i: 'icu', b: 'builtin' }[provider] ?? literal(provider)}`]),
    `LC_COLLATE ${literal(of.datcollate)}`,
    `LC_CTYPE ${literal(of.datctype)}`,
    ...(provider === 'i' && locale !== null ? [`ICU_LOCALE ${literal(locale)}`] : []),
    ...(provider === 'b' && locale !== null ? [`BUILTIN_LOCALE ${literal(locale)}`] : []),
    ...(daticurules == null ? [] : [`ICU_RULES ${literal(daticurules)}`]),
    `TABLESPACE ${identifier(of.tablespace)}`,
    `OWNER ${identifier(of.owner)}`,
  ];
  return `CREATE DATABASE ${made} ${words.join(' ')};`;
}

/** The same, out of what {@link beforeLoad} has written; undefined where it is not there. */
export const createLineIn = (text: string): string | undefined =>
  text.split('\n').findLast((line) => line.startsWith(`CREATE DATABASE ${made} `));

/**
 * What makes the roles that are missing, and what makes all of them what they were, out of what
 * {@link beforeLoad} has written: the second part needs a transaction around it. Undefined where it is not
 * there.
 */
export function rolesIn(text: string): { create: string; become: string } | undefined {
  const start = text.indexOf('\nBEGIN;\n');
  const end = text.lastIndexOf('\nCOMMIT;\nCREATE DATABASE ');
  if (start === -1 || end === -1) return undefined;
  const head = text.slice(0, start + 1);
  const become = text.slice(start + '\nBEGIN;\n'.length, end + 1);
  const isCreate = (line: string) => /^SELECT E?'CREATE ROLE /.test(line) && line.endsWith(' \\gexec');
  const create = become.split('\n').filter(isCreate);
  return { create: `${head}${create.join('\n')}\n`, become: `${settingsIn(head)}${become}` };
}

/** Without the comment above them. */
const settingsIn = (head: string) => head.slice(head.indexOf('\n') + 1);

/** Privileges in an order in which each can be granted: whoever passes one on has it by then. */
function grantLines({ database, grants }: DatabaseProperties): string[] {
  if (database.datacl === null) return [];
  const lines = [
    `REVOKE ALL ON DATABASE ${made} FROM PUBLIC;`,
    `REVOKE ALL ON DATABASE ${made} FROM ${identifier(database.owner)};`,
  ];
  const able = new Set([database.owner]);
  let waiting = grants;
  while (waiting.length > 0) {
    const now = waiting.filter(({ grantor }) => able.has(grantor));
    for (const { grantor, grantee, privilege, grantable } of now.length === 0 ? waiting : now) {
      const to = grantee === null ? 'PUBLIC' : identifier(grantee);
      const grant =
        `GRANT ${privilege} ON DATABASE ${made} TO ` +
        `${to}${grantable && grantee !== database.owner ? ' WITH GRANT OPTION' : ''};`;
      if (grantor === database.owner) lines.push(grant);
      else
        lines.push(`SET SESSION AUTHORIZATION ${literal(grantor)};`, grant, 'RESET SESSION AUTHORIZATION;');
      if (grantable && grantee !== null) able.add(grantee);
    }
    if (now.length === 0) break;
    waiting = waiting.filter((one) => !now.includes(one));
  }
  return lines;
}

/**
 * Roles as they were, and an empty database like the one that was: for psql, with the variable `restored`.
 */
export function beforeLoad(properties: DatabaseProperties): string {
  const everywhere = properties.settings.filter(({ inDatabase }) => !inDatabase);
  return file('Roles of the server, then an empty database. psql needs the variable "restored": its name.', [
    'BEGIN;',
    ...properties.roles.flatMap(roleLines),
    'ALTER ROLE ALL RESET ALL;',
    ...assignments(everywhere, (role) => `ALTER ROLE ${role === null ? 'ALL' : identifier(role)}`),
    ...memberLines(properties),
    'COMMIT;',
    createLine(properties),
  ]);
}

/**
 * What belongs to the database and not to its tables: after the dump was loaded, since a setting may make it
 * read-only.
 */
export function afterLoad(properties: DatabaseProperties): string {
  const { database, labels } = properties;
  const within = properties.settings.filter(({ inDatabase }) => inDatabase);
  return file('What belongs to the database itself. psql needs the variable "restored": its name.', [
    'BEGIN;',
    `COMMENT ON DATABASE ${made} IS ${database.comment === null ? 'NULL' : literal(database.comment)};`,
    ...assignments(within, (role) =>
      role === null ? `ALTER DATABASE ${made}` : `ALTER ROLE ${identifier(role)} IN DATABASE ${made}`,
    ),
    ...grantLines(properties),
    ...labels.map(
      ({ provider, label }) =>
        `SECURITY LABEL FOR ${identifier(provider)} ON DATABASE ${made} IS ${literal(label)};`,
    ),
    `ALTER DATABASE ${made} WITH CONNECTION LIMIT ${database.datconnlimit} IS_TEMPLATE ` +
      `${database.datistemplate} ALLOW_CONNECTIONS ${database.datallowconn};`,
    'COMMIT;',
  ]);
}
