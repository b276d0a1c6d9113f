import { foreign } from '../foreign.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { DumpNote } from '../queries/dump-schema.ts';

/** A dump that was taken by hand. */
export const dumpLines = (note: DumpNote): string[] => [
  `${note.file}: ${formatBytes(note.sizeBytes)}, ${counted(note.rows, 'row')}, complete and verified`,
  `  release  ${note.version ?? 'not known'}, schema version ${note.schemaVersion}, ` +
    `PostgreSQL ${note.serverVersion}`,
  `  SHA-256  ${note.sha256}`,
  `  note     ${note.file}.json`,
  ...(note.otherDatabases === null || note.otherDatabases.length === 0
    ? []
    : [`  not in it, other databases of the same server: ${foreign(note.otherDatabases.join(', '))}`]),
  ...(note.unfinishedRun === null
    ? []
    : [
        `  unfinished ${note.unfinishedRun.flow} ${note.unfinishedRun.from ?? 'nothing'} -> ` +
          `${note.unfinishedRun.to}: the database may be between two releases`,
      ]),
];
