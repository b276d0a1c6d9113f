import * as z from 'zod';
import { causeChain, IvaapError } from '../errors.ts';
import type { Disk } from './disk.ts';
import { NoFile, nodeDisk } from './disk.ts';
import { shellWord } from '../shell-word.ts';

/**
 * `state.json`: what is installed, the last run with its steps, and what earlier runs left. Objects are loose, so that
 * fields which a newer binary added survive a rewrite by an older one. Times are ISO 8601 in UTC.
 */

/** A reader refuses another major; additive fields raise the minor. */
export const stateVersion = { major: 1, minor: 3 } as const;

const time = z.string();
const jsonObject = z.record(z.string(), z.json());

const errorRecord = z.looseObject({ code: z.string(), message: z.string(), step: z.string().optional() });

const stepRecord = z.looseObject({
  /**
   * running: begun, and if no run is going on, died there; completed: done and verified; skipped: had nothing to do;
   * failed: ended with `error`; stale: was completed, but a step that it needs has run again since.
   */
  status: z.enum(['running', 'completed', 'skipped', 'failed', 'stale']),
  startedAt: time,
  finishedAt: time.optional(),
  attempts: z.int().positive(),
  /** Of an attempt that has not completed: the step's midpoint once it was passed, `verified` once its result was; since 1.1. */
  place: z.string().optional(),
  revision: z.int(),
  /** SHA-256 of the step's inputs as canonical JSON. */
  inputsHash: z.string(),
  /** What the step returned; present when completed. */
  out: jsonObject.optional(),
  /** Partial results of an attempt that has not completed. */
  recorded: jsonObject.optional(),
  /** What it returned when it completed before in this run; until it completes again. Since 1.3. */
  earlier: jsonObject.optional(),
  /** Why it was skipped. */
  reason: z.string().optional(),
  error: errorRecord.optional(),
  /** Reason for which the operator let it pass although what it was to prove does not hold; since 1.3. */
  waived: z.string().optional(),
});

/** Fingerprint of the key that signed a payload; null when it was unsigned; absent when it was recorded before 1.2, and nobody knows. */
const key = z.string().nullable().optional();

const runSummary = {
  id: z.string(),
  /** `install`, `upgrade`, ... */
  flow: z.string(),
  /** The version that had last completed when the run began; null on an empty host. */
  from: z.string().nullable(),
  to: z.string(),
  payloadDigest: z.string(),
  startedAt: time,
  finishedAt: time.optional(),
  /** The operator behind sudo, when known. */
  startedBy: z.string().optional(),
  status: z.enum(['running', 'failed', 'completed', 'superseded']),
};

const runRecord = z.looseObject({
  ...runSummary,
  /** Path of the executable that runs it: the one to start again. */
  binary: z.string(),
  /** The command that goes on with it, with the flags that were typed; since 1.3. */
  again: z.string().optional(),
  key,
  /** Step ids in the graph's order. */
  order: z.array(z.string()),
  steps: z.record(z.string(), stepRecord),
  /**
   * Set before what giving up cannot take back begins (Helm): the first time since a run last completed, by this run or by
   * one that it superseded. `versions` are all that were begun so; since 1.1. `ends`: how the attempts ended that passed it and did
   * not complete, oldest first; since 1.3.
   */
  pointOfNoReturn: z
    .looseObject({
      at: time,
      step: z.string(),
      data: jsonObject,
      versions: z.array(z.string()).optional(),
      ends: z.array(z.looseObject({ at: time, code: z.string() })).optional(),
    })
    .optional(),
  /** When this very run passed that point first; since 1.1. */
  noReturnAt: time.optional(),
  /** What the steps found before any unfinished run changed it; the first value of a key stays. Since 1.1. */
  originals: jsonObject.optional(),
  error: errorRecord.optional(),
});

const anchor = { at: time, run: z.string(), derived: jsonObject };

const whoWhen = { by: z.string().optional(), at: time, run: z.string() };

const stateSchema = z.looseObject({
  schema: z.looseObject({ major: z.literal(stateVersion.major), minor: z.int().nonnegative() }),
  product: z.string(),
  /** The release that last completed. */
  installed: z
    .looseObject({
      version: z.string(),
      payloadDigest: z.string(),
      completedAt: time,
      key,
      /** Steps of that run that the operator let pass: nobody has proved what they stand for; since 1.3. */
      waived: z.array(z.looseObject({ step: z.string(), reason: z.string() })).optional(),
      /** Path of the executable that installed it: what goes back to it; since 1.3. */
      binary: z.string().optional(),
    })
    .optional(),
  /** The run that is going on, or the last one. */
  run: runRecord.optional(),
  /** Only in a copy that a backup holds, in the place of `run`: the run that made it, with what its completed steps had returned; since 1.3. */
  madeBy: z
    .looseObject({
      ...runSummary,
      binary: z.string(),
      again: z.string().optional(),
      key,
      derived: jsonObject,
    })
    .optional(),
  /** Earlier runs, oldest first. */
  history: z.array(z.looseObject(runSummary)),
  /** Results that outlive their run: the top-level keys of the steps' outs, the latest of each. */
  derived: jsonObject,
  /**
   * By from-version: the outs that were complete when the point of no return was first reached since a run last completed; no
   * re-run replaces them. `earlier` are those of upgrades from the same version that have completed, oldest first; since 1.1.
   */
  anchors: z.record(
    z.string(),
    z.looseObject({ ...anchor, earlier: z.array(z.looseObject(anchor)).optional() }),
  ),
  /** What must be known of Helm whatever becomes of the run that began it; since 1.1. */
  helm: jsonObject.optional(),
  waivers: z.array(z.looseObject({ ...whoWhen, id: z.string(), reason: z.string() })),
  skippedBackups: z.array(z.looseObject({ ...whoWhen, from: z.string().nullable(), to: z.string() })),
  /** Keys that were let in although they were not the installed release's: `from` before, `to` since, `how` by policy/trust.ts; since 1.2. */
  trusted: z.array(z.looseObject({ ...whoWhen, from: key, to: key, how: z.string() })).optional(),
  /**
   * The last time that the state was made from what the host itself says: which version the chart on disk had then, and what nobody
   * could prove; since 1.3.
   */
  repair: z
    .looseObject({ ...whoWhen, chart: z.string().nullable(), unknown: z.array(z.string()) })
    .optional(),
});

/** All that may be asked of a file whose schema is another one. */
const versionOnly = z.object({ schema: z.object({ major: z.int(), minor: z.int() }) });

export type State = z.infer<typeof stateSchema>;
export type RunRecord = z.infer<typeof runRecord>;
export type StepRecord = z.infer<typeof stepRecord>;

/** The state of a host on which nothing has run. */
export function emptyState(product: string): State {
  return {
    schema: { ...stateVersion },
    product,
    history: [],
    derived: {},
    anchors: {},
    waivers: [],
    skippedBackups: [],
  };
}

/**
 * Checks the text of a state file. Throws IvaapError `version` for a schema of another major, `preflight` for anything
 * that is not a state: a damaged file is never read as an empty one. Nothing of the text is in a message.
 */
export function parseState(text: string, path: string): State {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw damaged(
      path,
      text.trim() === '' ? 'it is empty' : `its ${text.length} characters are no whole JSON`,
    );
  }
  const version = versionOnly.safeParse(raw);
  if (version.success && version.data.schema.major !== stateVersion.major) {
    const { major, minor } = version.data.schema;
    throw new IvaapError(
      'version',
      `the state file ${path} has schema ${major}.${minor}, and this program reads ${stateVersion.major}.x only`,
      { hint: 'run the executable that wrote it, or a newer one' },
    );
  }
  const state = stateSchema.safeParse(raw);
  if (!state.success) throw damaged(path, z.prettifyError(state.error));
  return state.data;
}

/** Of a file that is not a state; whoever knows the program's name adds the command that mends it. */
function damaged(path: string, why: string): IvaapError {
  return new IvaapError(
    'preflight',
    `the state file ${path} is damaged: it is not a state that can be read`,
    {
      cause: new Error(why),
    },
  );
}

/** Throws IvaapError `preflight` for the state of another product. */
export function assertProduct(state: State | undefined, path: string, product: string): void {
  if (state === undefined || state.product === product) return;
  throw new IvaapError('preflight', `the state file ${path} belongs to ${state.product}, not to ${product}`);
}

/** Reads the state without the lock: whole always, since it is only ever replaced by rename. Undefined when there is none. */
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
      `where the state file ${path} should be is ${error.what}: nothing is read or written through it`,
    );
  }
  const { code } = error as NodeJS.ErrnoException;
  const hint =
    code === 'EACCES' || code === 'EPERM'
      ? 'run the command as root'
      : `look at its disk: findmnt -T ${shellWord(path)}`;
  return new IvaapError('preflight', `the state file ${path} cannot be read: ${causeChain(error)[0] ?? ''}`, {
    cause: error,
    hint,
  });
}
