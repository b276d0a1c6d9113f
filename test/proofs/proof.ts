import { inParallel } from '../../scripts/in-parallel.ts';
import { drawn } from './draw.ts';

/** What became of a case. */
export interface Verdict {
  id: string;
  /** Empty: it passed. */
  problems: string[];
  /** What helps to understand a failure. */
  evidence?: string;
}

/** Cases that are tried one after the other on the same host; most are alone. */
export interface Group<Case> {
  name: string;
  cases: readonly Case[];
}

/**
 * A table of cases and the way to try them. The four proofs (crash, faults, damage, fuzz) are such values.
 */
export interface Proof<Case extends { id: string }, Result extends Verdict = Verdict> {
  /** As the closing line says it: `places tried 5, survived 5`. */
  terms: { cases: string; passed: string };
  groups: readonly Group<Case>[];
  /** A group that throws says nothing of its cases: they count as failed and are not kept. */
  attempt(group: Group<Case>, say: Say): Promise<readonly Result[]>;
  /** One case for `--list`. */
  about?(testCase: Case): string;
  /** Writes down what happened to a group's cases. */
  keep?(results: readonly Result[], say: Say): Promise<void>;
}

export type Say = (line: string) => void;

export const alone = <Case extends { id: string }>(cases: readonly Case[]): Group<Case>[] =>
  cases.map((each) => ({ name: each.id, cases: [each] }));

export const idsOf = <Case extends { id: string }>(groups: readonly Group<Case>[]): string[] =>
  groups.flatMap(({ cases }) => cases.map(({ id }) => id));

/** The groups with only those of their cases that are wanted. */
export function only<Case extends { id: string }>(
  groups: readonly Group<Case>[],
  wanted: (id: string, group: string) => boolean,
): Group<Case>[] {
  return kept(groups, ({ id }, group) => wanted(id, group));
}

const kept = <Case>(groups: readonly Group<Case>[], wanted: (each: Case, group: string) => boolean) =>
  groups
    .map(({ name, cases }) => ({ name, cases: cases.filter((each) => wanted(each, name)) }))
    .filter(({ cases }) => cases.length > 0);

/** `count` of the cases, the same ones for the same seed. */
export function drawnOf<Case extends { id: string }>(
  groups: readonly Group<Case>[],
  count: number,
  seed: string,
): Group<Case>[] {
  const chosen = new Set(
    drawn(
      groups.flatMap(({ cases }) => cases),
      count,
      seed,
    ),
  );
  return kept(groups, (each) => chosen.has(each));
}

/** Tries every group, `atOnce` of them at any time, and continues after a case that failed. */
export async function prove<Case extends { id: string }, Result extends Verdict>(
  proof: Proof<Case, Result>,
  { atOnce, say }: { atOnce: number; say: Say },
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  await inParallel(proof.groups, atOnce, async (group) => {
    let results: readonly Result[];
    try {
      results = await proof.attempt(group, say);
    } catch (error) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say(`BROKEN ${group.name}: ${problem}`);
      verdicts.push(...group.cases.map(({ id }) => ({ id, problems: [problem] })));
      return;
    }
    verdicts.push(...results);
    await proof.keep?.(results, say);
  });
  return verdicts;
}

export const failedOf = (verdicts: readonly Verdict[]): Verdict[] =>
  verdicts.filter(({ problems }) => problems.length > 0);

/** The line that every proof ends with. */
export function closingLine({ terms }: Pick<Proof<never>, 'terms'>, verdicts: readonly Verdict[]): string {
  const passed = verdicts.length - failedOf(verdicts).length;
  return `${terms.cases} tried ${verdicts.length}, ${terms.passed} ${passed}`;
}

export const failureText = ({ id, problems, evidence }: Verdict): string =>
  [`==== ${id}`, ...problems, ...(evidence === undefined ? [] : [evidence])].join('\n');
