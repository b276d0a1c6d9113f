import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { PgDump } from '../backup/dump-record.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { DumpScan, type DumpSummary } from '../host/dump-scan.ts';
import { dumpText } from '../host/dump-source.ts';
import { readRegularText } from '../host/regular-file.ts';
import { assertSafePath } from '../host/safe-path.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Again } from '../policy/again.ts';
import { oneText, parseVersion, sameRecordedVersion, schemeOf, notOfScheme } from '../version.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { type DumpNote, dumpNoteSchema } from './dump-schema.ts';

/** A dump that was taken by hand, anywhere, as the operator names its file. */

/** The file beside a dump that tells of it. */
export const notePath = (path: string): string => `${path}.json`;

/** What the operator says of a dump without a note. */
export interface SaidOfDump {
  /** Its release. */
  version: string | undefined;
  /** Version of its schema. */
  schema: number | undefined;
}

export interface GivenDump {
  dump: PgDump;
  /** Its release; null: not known. */
  version: string | null;
  /** What the operator should know of it. */
  notes: string[];
}

interface Asked {
  product: Product;
  again: Again;
  said: SaidOfDump;
  signal: AbortSignal;
  /** Bytes of the file that were read. */
  onBytes?: (read: number) => void;
}

/**
 * Reads all of a dump and proves it: by the note beside it, or without one by its own end. Throws 'usage' for
 * what is no whole dump of this product or is not as its note says, 'preflight' for one that others can
 * change. Changes nothing.
 */
export async function proveGivenDump(path: string, asked: Asked): Promise<GivenDump> {
  const { product, again } = asked;
  const info = await assertGivenFile(path);
  const note = await readNote(path);
  if (note !== undefined && note.product !== product.name) {
    throw refused(`${path} is a dump of ${foreign(note.product)}, not of ${product.name}`, {
      hint: `name a dump of ${product.title}`,
    });
  }
  const { schema, version } = note === undefined ? saidOf(path, asked) : toldBy(note, asked, path);
  const { summary, file } = await scan(path, note, asked);
  const after = await lstat(path);
  if (after.mtimeMs !== info.mtimeMs || after.ctimeMs !== info.ctimeMs || after.ino !== info.ino)
    throw refused(`${path} was changed while it was read`, { hint: again() });
  const run = note?.unfinishedRun;
  const notes = [
    ...(note === undefined
      ? [`no note is beside ${path}: the ${info.mtime.toISOString()} of its file is taken for its time`]
      : []),
    ...(run == null
      ? []
      : [
          `the dump was taken while the ${foreign(run.flow)} to ${foreign(run.to)} was not finished: ` +
            'which release it is of is not known',
        ]),
  ];
  const dump: PgDump = {
    folder: dirname(path),
    path,
    ...file,
    ...(summary.sizeBytes !== file.sizeBytes && { textBytes: summary.sizeBytes }),
    rows: summary.totalRows,
    owner: product.database.user,
    schemaVersion: schema,
    takenAt: note?.takenAt ?? info.mtime.toISOString(),
    ...(note !== undefined && { endedAt: note.endedAt }),
    tables: Object.fromEntries(summary.tables.map(({ table, rows }) => [table, rows])),
  };
  return { dump, version: run == null ? version : null, notes };
}

/** Throws 'usage' where there is no such file, or a link, 'preflight' for one that others can change. */
export async function assertGivenFile(path: string) {
  const info = await lstat(path).catch((cause: unknown) => {
    throw refused(`${path} cannot be read`, { hint: `ls -l ${shellWord(path)}`, cause });
  });
  if (info.isSymbolicLink()) {
    throw refused(`${path} is a symbolic link: what it leads to may be another file later`, {
      hint: `name the file itself: readlink -f ${shellWord(path)}`,
    });
  }
  if (!info.isFile()) {
    throw refused(`${path} is not a regular file`, { hint: `ls -ld ${shellWord(path)}` });
  }
  await assertSafePath(path, { isChosen: true });
  return info;
}

/** A newer program may write more into it. */
const noteSchema = z.looseObject({
  ...dumpNoteSchema.shape,
  takenAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
});

/** Undefined where there is none. */
async function readNote(path: string): Promise<DumpNote | undefined> {
  const note = notePath(path);
  if (!(await isNoted(path))) return undefined;
  await assertGivenFile(note);
  try {
    return noteSchema.parse(JSON.parse(await readRegularText(note)));
  } catch (cause) {
    throw refused(`${note} is not the note of a dump`, {
      hint: 'copy the dump and its note again, from where they were taken',
      cause,
    });
  }
}

/** Whether anything has the name of the note. */
export const isNoted = (path: string): Promise<boolean> =>
  lstat(notePath(path)).then(
    () => true,
    () => false,
  );

function saidOf(path: string, { product, said: { version, schema }, again }: Asked) {
  if (version !== undefined && schema !== undefined) {
    const scheme = schemeOf(product);
    if (parseVersion(version, scheme) === undefined)
      throw refused(`--dump-version is ${notOfScheme(version, scheme)}`, {
        hint: again({ add: ['--dump-version VERSION'] }),
      });
    return { version: oneText(version, scheme), schema };
  }
  throw refused(
    `${notePath(path)}, which tells of the dump, is not there: its release and the version of its schema ` +
      'have to be said',
    { hint: again({ add: ['--dump-version VERSION', '--dump-schema NUMBER'] }) },
  );
}

function toldBy(note: DumpNote, { product, said: { version, schema } }: Asked, path: string) {
  const told = {
    version: note.version === null ? null : oneText(note.version, schemeOf(product)),
    schema: note.schemaVersion,
  };
  const other =
    version !== undefined && !sameRecordedVersion(version, told.version)
      ? `release ${told.version ?? 'not known'}, not ${version}`
      : schema !== undefined && schema !== told.schema
        ? `schema version ${told.schema}, not ${schema}`
        : undefined;
  if (other === undefined) return told;
  throw refused(`${notePath(path)} says otherwise: ${foreign(other)}`, {
    hint: `look into it: ${asRoot(`cat ${shellWord(notePath(path))}`)}`,
  });
}

async function scan(
  path: string,
  note: DumpNote | undefined,
  { signal, onBytes }: Pick<Asked, 'signal' | 'onBytes'>,
): Promise<{ summary: DumpSummary; file: Pick<PgDump, 'sizeBytes' | 'sha256'> }> {
  const found = new DumpScan();
  const text = dumpText({ path, sizeBytes: note?.sizeBytes, sha256: note?.sha256 }, onBytes);
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await text.next();
      if (next.done === true) return { summary: whole(found, path), file: next.value };
      found.update(next.value);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof IvaapError && error.code === 'usage') throw error;
    throw refused(`${path} is not taken: ${causeChain(error)[0] ?? ''}`, {
      hint: 'copy it again, with its note, from where it was taken',
      cause: error,
    });
  } finally {
    await text.return(undefined as never);
  }
}

/** What leaves its database would be done to the live one. */
function whole(found: DumpScan, path: string): DumpSummary {
  const summary = found.finish();
  const { leaves } = found;
  if (leaves === undefined) return summary;
  throw refused(
    `${path} would do something outside of the database that it is loaded into: ${foreign(leaves)}`,
    {
      hint: 'name a dump of one database, as the product takes it: without commands for others',
    },
  );
}

const refused = (message: string, { hint, cause }: { hint: string; cause?: unknown }) =>
  new IvaapError('usage', `${message}. Nothing was changed`, { hint, cause });
