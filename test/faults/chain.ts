import { setTimeout as sleep } from 'node:timers/promises';
import { withHost } from '../e2e/harness.ts';
import { explain } from '../e2e/failure-report.ts';
import { TestHost } from '../e2e/host.ts';
import type { Finished } from '../lab/process.ts';
import type { Baseline } from '../crash/baseline.ts';
import type { Say, Verdict } from '../proofs/proof.ts';
import { Before } from './held.ts';
import type { Chain, End, Fault } from './table.ts';
import { WatchedRun } from './watched-run.ts';

/** What became of one fault. */
export interface Result extends Verdict {
  fault: Fault;
  end: End;
  /** The run's own words, in short. */
  said: string;
  /** From the fault to the end of the run, or of the fault where the run continued. */
  seconds: number;
  /** Everything that the run printed. */
  output: string;
}

const limitMinutes = 30;
const tries = 3;

/** Goes through a chain of faults. A fault that came too late for its step is tried again on another host. */
export async function runChain(chain: Chain, base: Baseline, say: Say): Promise<Result[]> {
  const results: Result[] = [];
  let left = chain.cases;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const done = await withHost('installed-2026.1', limitMinutes, (host) =>
      new OneHost({ ...chain, cases: left }, host, base, say).run(),
    ).catch((error: unknown) => {
      // A host that did not come up says nothing of the product.
      if (attempt === tries || !String(error).includes('still waiting for')) throw error;
      return [];
    });
    results.push(...done);
    left = left.filter((fault) => !done.some((result) => result.fault === fault));
    if (attempt < tries) continue;
    return [...results, ...left.map(missed)];
  }
  return results;
}

function missed(fault: Fault): Result {
  const problems = [`its step was over before the fault, in ${tries} attempts`];
  return { id: fault.id, fault, end: 'goes on', said: '', seconds: 0, problems, output: '' };
}

class OneHost {
  readonly #chain: Chain;
  readonly #name: string;
  readonly #base: Baseline;
  readonly #say: Say;
  readonly #results: Result[] = [];
  #pending: Fault[];
  #open: { result: Result; startedAt: number } | undefined;

  constructor(chain: Chain, host: TestHost, base: Baseline, say: Say) {
    this.#chain = chain;
    this.#name = host.name;
    this.#base = base;
    this.#say = say;
    this.#pending = [...chain.cases];
  }

  /** A host that may have been started again since: mounts of packages are looked at again. */
  get #host(): TestHost {
    return new TestHost(this.#name);
  }

  async run(): Promise<Result[]> {
    await this.#chain.prepare?.(this.#host);
    const before = await Before.read(this.#host);
    for (let count = 1; ; count += 1) {
      const finished = await this.#oneRun();
      const last = this.#results.at(-1);
      if (finished.code === 0) break;
      const cutOff = last?.end === 'killed' || last?.fault.helmLives === true;
      last?.problems.push(...(await before.problems(this.#host, cutOff)));
      this.#report(last);
      if (count <= 2 * this.#chain.cases.length) continue;
      throw new Error(await explain(this.#host, `${this.#chain.name}: it never ends`, finished));
    }
    const problems = await before.problemsAtTheEnd(this.#host, this.#base);
    for (const { problems: of } of this.#results) of.push(...problems.map((line) => `at the end: ${line}`));
    this.#report(this.#results.at(-1));
    return this.#results;
  }

  /** One start of the command, hurt by as many of the faults as it meets, until it has ended. */
  async #oneRun(): Promise<Finished> {
    const [next] = this.#pending;
    const how = next?.how;
    const run = await WatchedRun.start(this.#host, how);
    try {
      if (next !== undefined && next.step === undefined) this.#begin(next);
      while (run.ended === undefined) {
        const meant = this.#pending.filter((fault) => fault.step !== undefined && fault.how === how);
        const step =
          meant.length === 0 ? undefined : await run.stopAt(meant.map((fault) => fault.step ?? ''));
        const fault = meant.find((each) => each.step === step);
        if (fault === undefined || !(await this.#hurt(run, fault))) break;
      }
      const finished = await run.finished;
      await this.#ended(finished);
      return finished;
    } finally {
      run.abandon();
    }
  }

  /** Does it, and waits until it is over; false when nothing more is to be done to this run. */
  async #hurt(run: WatchedRun, fault: Fault): Promise<boolean> {
    let pid: number | undefined;
    if (fault.moment !== undefined) {
      run.thaw();
      const there = await fault.moment(run, fault.step ?? '');
      if (there === undefined) {
        run.thaw();
        return true; // Too late for this one; another may come.
      }
      pid = there.pid;
    }
    this.#close('goes on');
    this.#begin(fault);
    const { fix, afterMs } = (await fault.act?.(run, pid)) ?? {};
    run.thaw();
    if (afterMs !== undefined) {
      await sleep(afterMs);
      await fix?.();
      return true;
    }
    if (fault.ends.every((end) => end === 'goes on')) return true;
    await run.finished;
    await fix?.();
    return false;
  }

  #begin(fault: Fault): void {
    const result: Result = {
      id: fault.id,
      fault,
      end: 'goes on',
      said: '',
      seconds: 0,
      problems: [],
      output: '',
    };
    this.#open = { result, startedAt: performance.now() };
    this.#pending = this.#pending.filter((each) => each !== fault);
  }

  #close(end: End, output = '', said = ''): void {
    if (this.#open === undefined) return;
    const { result, startedAt } = this.#open;
    this.#open = undefined;
    Object.assign(result, { end, output, said, seconds: (performance.now() - startedAt) / 1000 });
    result.problems.push(...unexpected(result));
    this.#results.push(result);
    if (end === 'goes on') this.#report(result);
  }

  async #ended(finished: Finished): Promise<void> {
    const { code, signal, stdout, stderr } = finished;
    const output = `${stdout}\n${stderr}`.trim();
    if (this.#open === undefined && code !== 0) {
      const last = this.#results.at(-1);
      const words = await explain(this.#host, 'a run that no fault touched failed', finished);
      if (last === undefined) throw new Error(words);
      last.problems.push(`the same command again failed: exit ${code ?? signal}: ${firstError(stderr)}`);
      last.output += `\n---- the same command again\n${words}`;
      return;
    }
    const end = code === 0 ? 'goes on' : signal === 'SIGKILL' || code === 137 ? 'killed' : (code ?? 'killed');
    this.#close(end, output, firstError(stderr));
  }

  #report(result: Result | undefined): void {
    if (result === undefined) return;
    const { fault, end, said, seconds, problems } = result;
    const verdict = problems.length === 0 ? 'held  ' : 'BROKEN';
    this.#say(`${verdict} ${fault.id}: ${end}, ${seconds.toFixed(0)} s${said === '' ? '' : `, "${said}"`}`);
    for (const problem of problems) this.#say(`         ${problem}`);
  }
}

const firstError = (stderr: string): string =>
  /^error: (.*)$/m.exec(stderr)?.[1] ?? /"message":"([^"]*)"/.exec(stderr)?.[1] ?? '';

/** What is wrong with the way in which the run ended, and with what it said. */
function unexpected({ fault, end, output }: Result): string[] {
  if (!fault.ends.includes(end)) {
    return [`it ended with ${end}, not with ${fault.ends.join(' or ')}: ${output.slice(-1500)}`];
  }
  if (typeof end !== 'number' || fault.how !== undefined) return [];
  const problems: string[] = [];
  if (fault.says !== undefined && !fault.says.test(output)) {
    problems.push(`it does not name the cause (${fault.says.source}): ${output.slice(-1500)}`);
  }
  if (!/^try: \S/m.test(output)) problems.push('it gives no command to try');
  if (end !== 3 && !/^log: \S/m.test(output)) problems.push('it names no log');
  return problems;
}
