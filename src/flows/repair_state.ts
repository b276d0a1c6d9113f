import { existsSync, lstatSync } from 'node:fs';
import { link, readdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Document } from 'yaml';
import { Journal } from '../engine/journal.ts';
import type { HeldLock } from '../engine/lock.ts';
import { Redactor } from '../engine/redact.ts';
import type { State } from '../engine/state.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { assertRoot, operator } from '../host/system.ts';
import { parseValues } from '../steps/values_file.ts';
import { ownBinary } from './go_on.ts';
import { hostEvidence, type HostEvidence } from './host_evidence.ts';
import { isRepairable, readOwnState } from './own_state.ts';
import { part } from './part.ts';
import type { Repair, RepairFacts } from './repair_facts.ts';
import { proposeRepair } from './repair_proposal.ts';
import { confirmed } from './question.ts';
import type { FlowResult } from './run_flow.ts';
import * as session from './session.ts';
import { unlessStopped } from './stoppable.ts';
import type { FlowPorts, OpenedPayload } from './session.ts';
import { factsOf } from './without_state.ts';

export interface RepairOptions {
  /** Show what would be written, and write nothing. */
  dryRun: boolean;
  yes: boolean;
}

type Proposed = Repair & { kind: 'proposed' };

/** What was decided, with all that was shown before the question. */
interface Decided {
  repair: Repair;
  facts: string[];
  problem: string;
}

const words = 'repair-state';

/** `repair-state`: makes the state anew from what the host itself says. Changes the state, a missing values file, and nothing else. */
export async function runRepairState(options: RepairOptions, ports: FlowPorts): Promise<FlowResult> {
  if (!options.yes && !options.dryRun && ports.confirm === undefined) {
    throw new IvaapError('usage', `${words} asks before it writes, and nobody can be asked here`, {
      hint: ports.again({ add: ['--dry-run'] }),
    });
  }
  assertRoot(ports.again(), session.needsRootFor(options));
  const opened = await session.openOwnPayload(ports.machine);
  const redactor = new Redactor();
  const take = () => session.takeLock(opened, words, ports, { leaveText: options.dryRun });
  let lock: HeldLock | undefined;
  try {
    if (existsSync(opened.paths.installer)) lock = await take();
    let decided = await decide(opened, redactor, ports);
    if (decided.repair.kind !== 'proposed') return ended(decided);
    if (options.dryRun) return told(decided, decided.repair, ports);
    if (lock === undefined) {
      await assertSafePath(opened.paths.folder, { mayBeMissing: true });
      await makeFolder(opened.paths.installer, 0o700);
      lock = await take();
      decided = await decide(opened, redactor, ports);
    }
    return await agreed(opened, decided, options, ports, () => decide(opened, redactor, ports));
  } catch (error) {
    throw redactor.error(error);
  } finally {
    lock?.release();
    await opened.payload.close();
  }
}

/** Shows, asks and writes. What changed while the question waited is shown, and asked, again. */
async function agreed(
  opened: OpenedPayload,
  decided: Decided,
  options: RepairOptions,
  ports: FlowPorts,
  again: () => Promise<Decided>,
): Promise<FlowResult> {
  if (decided.repair.kind !== 'proposed') return ended(decided);
  const { repair } = decided;
  if (options.yes) return write(opened, repair, ports);
  const say = (line: string) =>
    ports.emit({ type: 'message', at: new Date().toISOString(), level: 'info', line });
  for (const line of proposalLines(decided, repair)) say(line);
  const question = repair.state === undefined ? 'Write the values file anew?' : 'Write this state?';
  await confirmed(ports, question, ports.again());
  const current = await again();
  const shown = ({ repair: found, facts, problem }: Decided) => [
    found.kind === 'proposed' ? found.lines : found.message,
    facts,
    problem,
  ];
  if (!isDeepStrictEqual(shown(current), shown(decided))) {
    say('the host has changed while the question waited');
    return agreed(opened, current, options, ports, again);
  }
  return write(opened, current.repair as Proposed, ports);
}

const decide = (opened: OpenedPayload, redactor: Redactor, ports: FlowPorts): Promise<Decided> =>
  unlessStopped(ports.signal, () => look(opened, redactor, ports));

async function look(opened: OpenedPayload, redactor: Redactor, ports: FlowPorts): Promise<Decided> {
  const { product, paths } = opened;
  const current = await currentState(opened, ports.program);
  const host = await part(() => session.openHost(product, redactor, ports));
  const evidence = await hostEvidence(opened, host, ports.signal);
  ports.signal.throwIfAborted();
  const schemaNow =
    host.known && evidence.records.known
      ? await host.value.database
          .schemaVersion(product.database.schemaVersionQuery, ports.signal)
          .catch(() => undefined)
      : undefined;
  ports.signal.throwIfAborted();
  const repair = proposeRepair({
    opened,
    evidence,
    state: current.state,
    schemaNow,
    valuesMissing: !existsSync(paths.values),
    hasData: await hasData(evidence),
    now: new Date(),
    by: operator().user,
    program: ports.program,
    binary: await ownBinary(opened),
  } satisfies RepairFacts);
  const schema = `database: ${schemaNow === undefined ? 'its schema version could not be asked' : `schema version ${schemaNow}`}`;
  return { repair, problem: current.problem, facts: [...factsOf(evidence, opened), schema] };
}

/** A file that cannot be read for other reasons than what is in it, or that a newer program wrote, is not for us to replace. */
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

async function hasData({ volume }: HostEvidence): Promise<boolean> {
  const path = volume.known ? volume.value?.path : undefined;
  if (path === undefined) return false;
  return readdir(path).then(
    (names) => names.length > 0,
    () => true,
  );
}

function ended({ repair, facts }: Decided): FlowResult {
  if (repair.kind === 'refused') {
    throw new IvaapError(repair.code, repair.message, { hint: repair.hint, facts });
  }
  const message = repair.kind === 'nothing' ? repair.message : '';
  return { lines: [`Nothing to repair: ${message}.`], data: { repaired: false, reason: message } };
}

function proposalLines({ facts, problem }: Decided, { lines, state }: Proposed): string[] {
  return [
    problem,
    'This host says:',
    ...facts.map((line) => `  ${line}`),
    state === undefined ? 'Proposed:' : 'Proposed state:',
    ...lines.map((line) => `  ${line}`),
  ];
}

function told(decided: Decided, repair: Proposed, { program }: FlowPorts): FlowResult {
  return {
    lines: [...proposalLines(decided, repair), `Nothing was changed. To write it: ${program} ${words}`],
    data: {
      repaired: false,
      proposal: [...repair.lines],
      host: [...decided.facts],
      problem: decided.problem,
    },
  };
}

async function write(opened: OpenedPayload, repair: Proposed, { program }: FlowPorts): Promise<FlowResult> {
  const { paths, product } = opened;
  const done: string[] = [];
  const { values, state } = repair;
  if (values?.content !== undefined) {
    await assertSafePath(paths.folder);
    await writeFileAtomic(paths.values, valuesText(paths.values, values.content.values), { mode: 0o600 });
    done.push(
      `${paths.values} has the values of Helm's revision ${values.revision}: look at it before the next upgrade`,
    );
  }
  let kept: string | null = null;
  if (state !== undefined) {
    kept = await keepAside(paths.state);
    await Journal.begin({ path: paths.state, product: product.name }, state);
    done.push(`the state is written${kept === null ? '' : `; what was there is kept as ${kept}`}`);
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
 * Gives what lies there a second name, so that there is no instant without it. Never over another file; a link is kept as the link that it
 * is, and what it leads to is not touched.
 */
async function keepAside(path: string): Promise<string | null> {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return null;
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
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

/** As Helm reads it back; where our YAML could be read otherwise, JSON, which every reader of YAML takes alike. */
function valuesText(path: string, values: Record<string, unknown>): string {
  const document = new Document(values, { version: '1.1' });
  document.commentBefore =
    ' Written by repair-state from the values that Helm had deployed: yours from now on.';
  const text = document.toString({ directives: false });
  const same = isDeepStrictEqual(parseValues(path, text).root, values);
  return same ? text : `${JSON.stringify(values, null, 2)}\n`;
}
