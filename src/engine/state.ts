import * as z from 'zod';
import { causeChain, IvaapError } from '../errors.ts';
import type { Disk } from './disk.ts';
import { NoFile, nodeDisk } from './disk.ts';
import { isNestedTooDeep, mostLevels } from '../nesting.ts';
import { jsonObject } from './json-object.ts';
import { keptSecretsSchema, rollbacksSchema, whoWhen } from './rollback-schema.ts';
import { stateFaults } from './state-faults.ts';
import { schemeRecord, type VersionScheme, versionSchemes } from '../version.ts';
import { shellWord } from '../shell-word.ts';

/**
 * `state.json`: what is installed, the last run with its steps, and what earlier runs left. Objects are
 * loose, so that fields which a newer binary added survive a rewrite by an older one. Times are ISO 8601 in
 * UTC. docs/json.md is generated from it.
 */

/** A reader refuses another major; additive fields raise the minor. */
export const stateVersion = { major: 1, minor: 9 } as const;

const time = z.string();

const errorRecord = z.looseObject({ code: z.string(), message: z.string(), step: z.string().optional() });

const stepRecord = z.looseObject({
  status: z
    .enum(['running', 'completed', 'skipped', 'failed', 'stale'])
    .describe(
      '`running`: started, and if no run holds the lock, died there; `completed`: done and verified; ' +
        '`skipped`: had nothing to do; `failed`: ended with `error`; `stale`: was completed, but a step ' +
        'that it needs has run again since.',
    ),
  startedAt: time,
  finishedAt: time.optional(),
  attempts: z.int().positive(),
  place: z
    .string()
    .optional()
    .describe(
      'Of an attempt that has not completed: the checkpoint that it passed last, `verified` once its ' +
        'result was. Since 1.1.',
    ),
  revision: z.int(),
  inputsHash: z.string().describe("SHA-256 of the step's inputs as canonical JSON."),
  out: jsonObject.optional().describe('What the step returned; present when completed.'),
  recorded: jsonObject.optional().describe('Partial results of an attempt that has not completed.'),
  earlier: jsonObject
    .optional()
    .describe('What it returned when it completed before in this run, until it completes again. Since 1.3.'),
  reason: z.string().optional().describe('Why it was skipped.'),
  error: errorRecord.optional(),
  waived: z
    .string()
    .optional()
    .describe('Reason of the waiver under which it passed although its check failed. Since 1.3.'),
});

const key = z
  .string()
  .nullable()
  .optional()
  .describe('Fingerprint of the key that signed the payload; null: unsigned; absent: recorded before 1.2.');

const runSummary = {
  id: z.string(),
  flow: z.string().describe('`install`, `upgrade`, ...'),
  from: z
    .string()
    .nullable()
    .describe('The version that had completed last when the run started; null on an empty host.'),
  to: z.string(),
  payloadDigest: z.string(),
  startedAt: time,
  finishedAt: time.optional(),
  startedBy: z.string().optional().describe('The operator behind sudo, when known.'),
  status: z.enum(['running', 'failed', 'completed', 'superseded']),
};

const runRecord = z.looseObject({
  ...runSummary,
  binary: z.string().describe('Path of the executable that runs it: the one to start again.'),
  again: z
    .string()
    .optional()
    .describe('The command that resumes it, with the flags that were typed. Since 1.3.'),
  key,
  answers: jsonObject
    .optional()
    .describe(
      'What the operator answered, so that nothing of it is asked again; files by their paths, never ' +
        'their contents. Since 1.4.',
    ),
  order: z.array(z.string()).describe("Step ids in the graph's order."),
  steps: z.record(z.string(), stepRecord),
  pointOfNoReturn: z
    .looseObject({
      at: time,
      step: z.string(),
      data: jsonObject,
      versions: z.array(z.string()).optional().describe('All versions that were started so. Since 1.1.'),
      ends: z
        .array(z.looseObject({ at: time, code: z.string() }))
        .optional()
        .describe('How the attempts ended that passed it and did not complete, oldest first. Since 1.3.'),
      found: z
        .looseObject({ at: time, data: jsonObject })
        .optional()
        .describe('What became of the database schema since then, when that was last asked. Since 1.5.'),
    })
    .optional()
    .describe(
      'Set before the part that giving up cannot undo (Helm) starts: the first time since a run completed ' +
        'last, by this run or by one that it superseded.',
    ),
  noReturnAt: time.optional().describe('When this very run passed that point first. Since 1.1.'),
  originals: jsonObject
    .optional()
    .describe('What the steps found before any unfinished run changed it. Since 1.1.'),
  rollbacks: rollbacksSchema,
  error: errorRecord.optional(),
});

const installed = z
  .looseObject({
    version: z.string(),
    payloadDigest: z.string(),
    completedAt: time,
    key,
    waived: z
      .array(z.looseObject({ step: z.string(), reason: z.string() }))
      .optional()
      .describe('Steps of that run that were waived: what they check is not proved. Since 1.3.'),
    binary: z
      .string()
      .optional()
      .describe('Path of the executable that installed it: the one that goes back to it. Since 1.3.'),
  })
  .optional();

const oneRestore = z.looseObject({
  ...whoWhen,
  undo: z.boolean().describe('It took back the restore before it.'),
  chartOnly: z.boolean().optional().describe('The database stayed as it was.'),
  dump: jsonObject
    .nullable()
    .describe('What was restored; null: a database that an earlier restore had moved, or none.'),
  version: z.string().describe('The release since then.'),
  moved: z
    .string()
    .nullable()
    .describe('Name of the database from before; null: none was moved, or it was brought back since.'),
  folder: z
    .looseObject({ path: z.string(), live: z.string(), major: z.int() })
    .nullable()
    .optional()
    .describe(
      'The data folder from before, of another major version of PostgreSQL: where it is now, where it was. ' +
        'Since 1.8.',
    ),
  discardedAt: time.optional().describe('When `restore --discard` dropped it.'),
  before: installed.describe('The release from before it.'),
  kept: z
    .string()
    .nullable()
    .describe('Folder with the chart, values and overlay from before; null: they were left as they are.'),
  pgDump: jsonObject
    .nullable()
    .describe('The dump of the database from before; null: none was taken (`--skip-backup`).'),
});

const restoredSchema = oneRestore.extend({
  earlier: z
    .array(oneRestore)
    .optional()
    .describe('Those before it, oldest first: `restore --undo NAME` brings a database of them back.'),
});

const anchor = { at: time, run: z.string(), derived: jsonObject };

export const stateSchema = z.looseObject({
  schema: z.looseObject({ major: z.literal(stateVersion.major), minor: z.int().nonnegative() }),
  product: z.string(),
  versionScheme: z
    .enum(versionSchemes)
    .optional()
    .describe('How the product counts the releases that are recorded here; absent: `calver`. Since 1.9.'),
  installed: installed.describe('The release that completed last.'),
  run: runRecord.optional().describe('The run that holds the lock, or the last one.'),
  suspended: runRecord
    .extend({
      installed: installed.describe(
        'The `installed` from before, until the first step is being undone: any other run brings it back.',
      ),
    })
    .optional()
    .describe(
      'While `run` is a rollback: the install whose steps it undoes. A step leaves it when its undo has ' +
        'completed; it is `run` again when the rollback has. While `run` is a restore: the last run from ' +
        'before it, which is `run` again where the restore is given up before it has stopped anything. ' +
        'Since 1.4.',
    ),
  keptSecrets: keptSecretsSchema,
  madeBy: z
    .looseObject({
      ...runSummary,
      binary: z.string(),
      again: z.string().optional(),
      key,
      derived: jsonObject,
    })
    .optional()
    .describe(
      'Only in the copy in a backup, in the place of `run`: the run that made it, with what its ' +
        'completed steps had returned. Since 1.3.',
    ),
  history: z.array(z.looseObject(runSummary)).describe('Earlier runs, oldest first.'),
  derived: jsonObject.describe(
    'Results that outlive their run: the top-level keys of what steps returned, the latest of each.',
  ),
  anchors: z
    .record(z.string(), z.looseObject({ ...anchor, earlier: z.array(z.looseObject(anchor)).optional() }))
    .describe(
      'By from-version: what steps had returned when the point of no return was reached first since a ' +
        'run completed last; no later attempt replaces it. `earlier` are those of upgrades from the ' +
        'same version that have completed, oldest first. Since 1.1.',
    ),
  helm: jsonObject
    .optional()
    .describe('What must be known of Helm even when the run that started it is closed. Since 1.1.'),
  waivers: z.array(z.looseObject({ ...whoWhen, id: z.string(), reason: z.string() })),
  skippedBackups: z.array(z.looseObject({ ...whoWhen, from: z.string().nullable(), to: z.string() })),
  trusted: z
    .array(z.looseObject({ ...whoWhen, from: key, to: key, how: z.string() }))
    .optional()
    .describe(
      "Keys that were accepted although they were not the installed release's: `from` before, `to` " +
        'since. Since 1.2.',
    ),
  backups: z
    .array(
      z.looseObject({
        at: time,
        by: z.string().optional(),
        name: z.string(),
        folder: z.string(),
        version: z.string().nullable().describe('The release of the data; null: not known.'),
        rollbackTo: z
          .string()
          .optional()
          .describe('STEP of the `install --rollback-to` that took it; absent: by hand. Since 1.8.'),
        rehearsal: z
          .boolean()
          .optional()
          .describe('Whether a rehearsal took it; absent in older records, too.'),
        pgDump: jsonObject
          .optional()
          .describe('The dump; absent while it is taken, or where that was cut off.'),
      }),
    )
    .optional()
    .describe('Backups that were taken by hand or by a rollback, oldest first. Since 1.5.'),
  verified: z
    .record(
      z.string(),
      z.looseObject({ at: time, sha256: z.string(), rows: z.int(), seconds: z.number(), how: z.string() }),
    )
    .optional()
    .describe(
      'By path of a dump: when it was last restored into a database of its own, and was whole. Since 1.5.',
    ),
  unverified: z
    .record(z.string(), z.looseObject({ at: time, why: z.string() }))
    .optional()
    .describe('By path of a dump: why it could not be verified when that was last tried. Since 1.5.'),
  dataFolders: z
    .array(
      z.looseObject({
        at: time,
        path: z.string().describe('Where it is now.'),
        live: z.string().describe("Where the database's volume looks."),
        major: z.int().describe('Major version of PostgreSQL.'),
        version: z.string().describe('The release that worked with it.'),
      }),
    )
    .optional()
    .describe(
      'Data folders that were moved aside for another major version of PostgreSQL, oldest first. Recorded ' +
        'before they are moved. Since 1.8.',
    ),
  restored: restoredSchema
    .optional()
    .describe('The last restore that has completed, and what takes it back. Since 1.6.'),
  rehearsing: z
    .looseObject({ at: time, name: z.string() })
    .optional()
    .describe(
      'While a rehearsal has made something: name of its database and of its role. Whatever run comes next ' +
        'removes what is left of it. Since 1.7.',
    ),
  rehearsed: z
    .looseObject({
      ...whoWhen,
      from: z.string(),
      to: z.string(),
      payloadDigest: z.string(),
      passed: z.boolean(),
      why: z.string().optional().describe('Why it did not pass.'),
      schema: z.looseObject({ before: z.int(), after: z.int() }).optional(),
      seconds: z.number().optional().describe('From the start of the pod until the schema was migrated.'),
      rows: z.int().optional().describe('In the copy, before.'),
      lost: z
        .array(z.looseObject({ table: z.string(), before: z.int(), after: z.int().nullable() }))
        .optional()
        .describe('Tables that have fewer rows since the migration; null: the table is gone.'),
      dump: z.string().nullable().describe('Path of the dump that was restored.'),
    })
    .optional()
    .describe('How the last rehearsal of an upgrade ended, of those that have ended. Since 1.7.'),
  unendedRehearsal: z
    .looseObject({
      ...whoWhen,
      from: z.string(),
      to: z.string(),
      payloadDigest: z.string(),
      why: z.string(),
    })
    .optional()
    .describe('A rehearsal since then that was cut off: nothing is known of its migration. Since 1.7.'),
  repair: z
    .looseObject({ ...whoWhen, chart: z.string().nullable(), unknown: z.array(z.string()) })
    .optional()
    .describe(
      'The last time that `repair-state` made the state: which version the chart on disk had then, ' +
        'and what could not be proved. Since 1.3.',
    ),
});

/** All that may be asked of a file whose schema is another one. */
const versionOnly = z.object({ schema: z.object({ major: z.int(), minor: z.int() }) });

export type State = z.infer<typeof stateSchema>;
export type RunRecord = z.infer<typeof runRecord>;
export type StepRecord = z.infer<typeof stepRecord>;

/** The state of a host on which nothing has run. */
export function emptyState(product: string, scheme: VersionScheme = 'calver'): State {
  return {
    schema: { ...stateVersion },
    product,
    ...schemeRecord(scheme),
    history: [],
    derived: {},
    anchors: {},
    waivers: [],
    skippedBackups: [],
  };
}

/**
 * Checks the text of a state file. Throws IvaapError `version` for a schema of another major, `preflight` for
 * anything that is not a state: a damaged file is never read as an empty one. Of the text, a message has at
 * most a key and its value.
 */
export function parseState(text: string, path: string): State {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw damaged(
      path,
      text.trim() === '' ? 'it is empty' : `its ${text.length} characters are not complete JSON`,
    );
  }
  if (isNestedTooDeep(raw)) throw damaged(path, `it is nested deeper than ${mostLevels} levels`);
  const version = versionOnly.safeParse(raw);
  if (version.success && version.data.schema.major !== stateVersion.major) {
    const { major, minor } = version.data.schema;
    throw new IvaapError(
      'version',
      `the state file ${path} has schema ${major}.${minor}, and ` +
        `this program reads ${stateVersion.major}.x only`,
      { hint: 'run the executable that wrote it, or a newer one' },
    );
  }
  const state = stateSchema.safeParse(raw);
  if (!state.success) throw damaged(path, stateFaults(state.error.issues, raw));
  return state.data;
}

/** Of a file that is not a state; the caller that knows the program's name adds the command that fixes it. */
function damaged(path: string, why: string): IvaapError {
  return new IvaapError('preflight', `the state file ${path} is damaged: ${why}`);
}

/**
 * Reads the state without the lock: always complete, since it is only replaced by rename. Undefined when
 * there is none.
 */
export async function readState(path: string, disk: Disk = nodeDisk): Promise<State | undefined> {
  let text: string | undefined;
  try {
    text = await disk.read(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  return text === undefined ? undefined : parseState(text, path);
}

function unreadable(path: string, error: unknown): IvaapError {
  if (error instanceof NoFile) {
    return new IvaapError(
      'preflight',
      `the state file ${path} is ${error.what}, not a regular file: nothing is read or written through it`,
    );
  }
  const { code } = error as NodeJS.ErrnoException;
  const hint =
    code === 'EACCES' || code === 'EPERM'
      ? 'run the command as root'
      : `check its disk: findmnt -T ${shellWord(path)}`;
  return new IvaapError('preflight', `the state file ${path} cannot be read: ${causeChain(error)[0] ?? ''}`, {
    cause: error,
    hint,
  });
}
