import { existsSync, lstatSync } from 'node:fs';
import { link, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Document } from 'yaml';
import { Journal } from '../../engine/journal.ts';
import type { State } from '../../engine/state.ts';
import { causeChain, IvaapError } from '../../errors.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../host/atomic-file.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import { operator } from '../../host/system.ts';
import { parseValues } from '../../release/values-file.ts';
import { hostEvidence, type HostEvidence } from '../../queries/host-evidence.ts';
import { isRepairable, readOwnState } from '../../session/own-state.ts';
import { knownAsRoot } from '../../queries/as-root.ts';
import type { Repair, RepairFacts } from './facts.ts';
import { proposeRepair } from './proposal.ts';
import { confirmed } from '../question.ts';
import type { FlowResult } from '../flow.ts';
import { Session } from '../../session/session.ts';
import { unlessStopped } from '../../session/stoppable.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { factsOf } from '../../queries/without-state.ts';
import { ownBinary } from '../../session/resume-command.ts';
import { compactTime } from '../../policy/compact-time.ts';

export interface RepairOptions {
  /** Show what would be written, and write nothing. */
  dryRun: boolean;
  yes: boolean;
}

type Proposed = Repair & { kind: 'proposed' };

/** A decision, with everything that is shown before the question. */
interface Decided {
  repair: Repair;
  facts: string[];
  problem: string;
}

const command = 'repair-state';

/**
 * `repair-state`: rebuilds the state from what is found on the host. Changes only the state and a missing
 * values file.
 */
export async function runRepairState(options: RepairOptions, ports: CommandPorts): Promise<FlowResult> {
  if (!options.yes && !options.dryRun && ports.confirm === undefined) {
    throw new IvaapError('usage', `${command} asks before it writes, but there is no terminal`, {
      hint:
        `to see what it would write: ${ports.again({ add: ['--dry-run'] })}\n` +
        `to write it without the question: ${ports.again({ add: ['--yes'] })}`,
    });
  }
  await using session = await Session.open(ports, options);
  const { folder, installer } = session.paths;
  const takeLock = () => session.takeLock(command, { leaveText: options.dryRun });
  try {
    if (existsSync(installer)) await takeLock();
    const decided = await decide(session);
    if (decided.repair.kind !== 'proposed') return ended(decided);
    if (options.dryRun) return dryRunResult(decided, decided.repair, session);
    if (session.lock !== undefined) return await agreed(session, decided, options);
    await assertSafePath(folder, { mayBeMissing: true });
    await makeFolder(installer, 0o700);
    await takeLock();
    return await agreed(session, await decide(session), options);
  } catch (error) {
    throw session.redactor.error(error);
  }
}

/** Shows, asks and writes. Shows and asks again when the host has changed while the question waited. */
async function agreed(session: Session, decided: Decided, options: RepairOptions): Promise<FlowResult> {
  if (decided.repair.kind !== 'proposed') return ended(decided);
  const { repair } = decided;
  if (options.yes) return write(session, repair);
  const print = (line: string) => session.report({ type: 'message', level: 'info', line });
  for (const line of proposalLines(decided, repair)) print(line);
  const text = repair.state === undefined ? 'Write the values file again?' : 'Write this state?';
  await confirmed(session, { text, hint: session.again() });
  const current = await decide(session);
  const shown = ({ repair: found, facts, problem }: Decided) => [
    found.kind === 'proposed' ? found.lines : found.message,
    facts,
    problem,
  ];
  if (!isDeepStrictEqual(shown(current), shown(decided))) {
    print('the host has changed since the question was asked');
    return agreed(session, current, options);
  }
  return write(session, current.repair as Proposed);
}

const decide = (session: Session): Promise<Decided> => unlessStopped(session.signal, () => look(session));

async function look(session: Session): Promise<Decided> {
  const { product, paths, signal, program } = session;
  const current = await currentState(session, program);
  const host = await knownAsRoot(() => session.tools());
  const evidence = await hostEvidence(session, host, signal);
  signal.throwIfAborted();
  const schemaNow =
    host.known && evidence.records.known
      ? await host.value.database
          .schemaVersion(product.database.schemaVersionQuery, signal)
          .catch(() => undefined)
      : undefined;
  signal.throwIfAborted();
  const repair = proposeRepair({
    opened: session,
    evidence,
    state: current.state,
    problem: current.problem,
    schemaNow,
    valuesMissing: !existsSync(paths.values),
    hasData: await hasData(evidence),
    putAside: await putAside(evidence),
    now: new Date(),
    by: operator().user,
    program,
    binary: await ownBinary(session),
  } satisfies RepairFacts);
  const schema =
    'database: ' +
    `${schemaNow === undefined ? 'its schema version could not be queried' : `schema version ${schemaNow}`}`;
  return { repair, problem: current.problem, facts: [...factsOf(evidence, session), schema] };
}

/**
 * Throws for a state file of a newer program, or one that cannot be read for other reasons than its contents:
 * it must not be replaced.
 */
async function currentState(
  opened: OpenedPayload,
  program: string,
): Promise<{ state: State | undefined; problem: string }> {
  try {
    const state = await readOwnState(opened, program);
    return {
      state,
      problem: state === undefined ? `there is no ${opened.paths.state}` : 'the state can be read',
    };
  } catch (error) {
    if (!isRepairable(error, program)) throw error;
    return { state: undefined, problem: causeChain(error).slice(0, 2).join(': ') };
  }
}

/** Also where nobody can look: on a volume without a folder of this host. */
async function hasData({ volume }: HostEvidence): Promise<boolean> {
  if (!volume.known || volume.value === null) return false;
  const { path } = volume.value;
  if (path === undefined) return true;
  return readdir(path).then(
    (names) => names.length > 0,
    () => true,
  );
}

async function putAside({ volume }: HostEvidence): Promise<string[]> {
  const path = volume.known ? volume.value?.path : undefined;
  if (path === undefined) return [];
  const beside = await readdir(dirname(path), { withFileTypes: true }).catch(() => []);
  return beside
    .filter((one) => one.isDirectory() && one.name !== basename(path) && one.name.startsWith(basename(path)))
    .map(({ name }) => join(dirname(path), name))
    .sort();
}

function ended({ repair, facts, problem }: Decided): FlowResult {
  if (repair.kind === 'refused') {
    const shown = repair.message.includes(problem) ? facts : [problem, ...facts];
    throw new IvaapError(repair.code, repair.message, { hint: repair.hint, facts: shown });
  }
  const message = repair.kind === 'nothing' ? repair.message : '';
  return { lines: [`Nothing to repair: ${message}.`], data: { repaired: false, reason: message } };
}

function proposalLines({ facts, problem }: Decided, { lines, state }: Proposed): string[] {
  return [
    problem,
    'Found on this host:',
    ...facts.map((line) => `  ${line}`),
    state === undefined ? 'Proposed:' : 'Proposed state:',
    ...lines.map((line) => `  ${line}`),
  ];
}

function dryRunResult(decided: Decided, repair: Proposed, { program }: Session): FlowResult {
  return {
    lines: [...proposalLines(decided, repair), `Nothing was changed. To write it: ${program} ${command}`],
    data: {
      repaired: false,
      proposal: [...repair.lines],
      host: [...decided.facts],
      problem: decided.problem,
    },
  };
}

async function write({ paths, product, program }: Session, repair: Proposed): Promise<FlowResult> {
  const done: string[] = [];
  const { values, state } = repair;
  if (values?.content !== undefined) {
    await assertSafePath(paths.folder);
    await writeFileAtomic(paths.values, valuesText(paths.values, values.content.values), { mode: 0o600 });
    done.push(
      `${paths.values} has the values of Helm's revision ` +
        `${values.revision}: check it before the next upgrade`,
    );
  }
  let kept: string | null = null;
  if (state !== undefined) {
    kept = await keepAside(paths.state);
    await Journal.begin({ path: paths.state, product: product.name }, state);
    done.push(`the state was written${kept === null ? '' : `; the old one is kept as ${kept}`}`);
  }
  const next = `${program} ${repair.next}`;
  return {
    lines: [...done, ...repair.lines.map((line) => `  ${line}`), `next: ${next}`],
    data: {
      repaired: true,
      kept,
      values: values === undefined ? null : paths.values,
      proposal: [...repair.lines],
      next,
    },
  };
}

/**
 * Gives the old file a second name, so that it exists at every instant. Never overwrites another file; a link
 * is kept as a link, and its target is not touched.
 */
async function keepAside(path: string): Promise<string | null> {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return null;
  const stamp = compactTime(new Date());
  let kept = `${path}.${stamp}`;
  for (let count = 2; lstatSync(kept, { throwIfNoEntry: false }) !== undefined; count += 1) {
    kept = `${path}.${stamp}-${count}`;
  }
  // A folder has one name only, and cannot be replaced by a file.
  if (info.isDirectory()) await rename(path, kept);
  else await link(path, kept);
  await syncFolder(dirname(path));
  return kept;
}

/**
 * YAML that Helm reads back with the same values; otherwise JSON, which all YAML readers read the same way.
 */
function valuesText(path: string, values: Record<string, unknown>): string {
  const document = new Document(values, { version: '1.1' });
  document.commentBefore =
    ' Written by repair-state from the values that Helm had deployed. Maintained by you from now on.';
  const text = document.toString({ directives: false });
  const same = isDeepStrictEqual(parseValues(path, text).root, values);
  return same ? text : `${JSON.stringify(values, null, 2)}\n`;
}
