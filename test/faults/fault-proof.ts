import { endHostsOfTheDead } from '../e2e/harness.ts';
import { baseline } from '../crash/baseline.ts';
import type { Baseline } from '../crash/baseline.ts';
import { keeper, readRows } from '../proofs/memory.ts';
import { leftOf } from '../proofs/page.ts';
import type { Page } from '../proofs/page.ts';
import { idsOf } from '../proofs/proof.ts';
import type { Group, Proof } from '../proofs/proof.ts';
import { sourceHash } from '../proofs/sources.ts';
import { runChain } from './chain.ts';
import type { Result } from './chain.ts';
import { chains } from './table.ts';
import type { Chain, Fault } from './table.ts';

export const ids: readonly string[] = idsOf(chains);

const section = { ids };

/** docs/fault-table.md. */
export const faultPage: Page = {
  file: 'fault-table.md',
  title: 'Faults',
  command: 'npm run test:faults',
  about:
    '`npm run test:faults` does each of these to an upgrade on a real ' +
    'node, looks at what the run says and leaves behind, and ' +
    'types the same command again until it ends. Held means: the exit ' +
    'code and the output are the documented ones, no well and no ' +
    'dump was lost, nothing half-written lies under a real name, and ' +
    'in the end the host is as after an undisturbed upgrade. ' +
    '`goes on`: the run was not stopped by it; `killed`: it took the process along. ' +
    'A row counts while src/, payload-spec/ and test/lab/ have ' +
    'the hash that it names; otherwise it is stale.',
  terms: { cases: 'faults', passed: 'held' },
  columns: [{ name: 'fault' }, { name: 'step' }, { name: "run's end" }, { name: 'it said', code: true }],
  sections: [section],
};

export const faultsLeft = (): string[] => leftOf(section, readRows(faultPage), sourceHash());

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** The chain of the chosen faults, with these and those that must come before them alone. */
export function withWhatTheyNeed({ name, cases }: Group<Fault>): Chain {
  const chain = chains.find((one) => one.name === name) ?? { name, cases };
  const needed = (id: string) => cases.some((chosen) => id === chosen.id || id === chosen.after);
  return { ...chain, cases: chain.cases.filter(({ id }) => needed(id)) };
}

/** Each chain of faults on a host of its own. */
export function faultProof(): Proof<Fault, Result> {
  const keep = keeper(faultPage);
  let base: Promise<Baseline> | undefined;
  return {
    terms: faultPage.terms,
    groups: chains,
    about: ({ id, fault }) => `${id}: ${fault}`,
    async attempt(group, say) {
      base ??= endHostsOfTheDead().then(() => baseline('upgrade'));
      say(`${group.name}: ${group.cases.length} faults`);
      const results = await runChain(withWhatTheyNeed(group), await base, say);
      return results
        .filter(({ fault }) => group.cases.includes(fault))
        .map((result) => ({ ...result, evidence: result.output.slice(-4000) }));
    },
    async keep(results) {
      await keep(
        results.map(({ fault, end, said, seconds, problems }) => {
          const ended = typeof end === 'number' ? `exit ${end}` : end;
          const cells = {
            fault: fault.fault,
            step: fault.step ?? 'whole run',
            "run's end": ended,
            'it said': cut(said, 160),
          };
          return { id: fault.id, cells, passed: problems.length === 0, seconds };
        }),
      );
    },
  };
}
