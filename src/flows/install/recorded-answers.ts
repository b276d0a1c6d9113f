import type { RunRecord } from '../../engine/state.ts';
import type { JsonObject } from '../../engine/step.ts';
import { connectorsOf } from '../../policy/connectors.ts';
import { lastResult } from '../../backup/step-results.ts';
import type { InstallContext } from '../../release/context.ts';
import { preflight } from '../../steps/preflight.ts';
import { fullPath, type GivenAnswers } from './given-answers.ts';

/** What an unfinished install was answered; files by their full paths. */
export type RecordedAnswers = { [Name in keyof GivenAnswers]?: string };

const names = ['fqdn', 'storagePath', 'storageClass', 'connectors', 'license', 'values'] as const;

/** Older programs recorded only two of them, with the first step. */
export function recordedAnswers(run: Readonly<RunRecord> | undefined): RecordedAnswers {
  const kept: JsonObject = run?.answers ?? lastResult(run, preflight)?.answers ?? {};
  return Object.fromEntries(
    names.flatMap((name) => (typeof kept[name] === 'string' ? [[name, kept[name]]] : [])),
  );
}

/** What is recorded with a run: what was answered now, and of an earlier attempt what was not asked again. */
export function answersToRecord(
  { license, values }: GivenAnswers,
  {
    fqdn,
    storagePath,
    storageClass,
    connectors,
  }: Pick<InstallContext, 'fqdn' | 'storagePath' | 'storageClass' | 'connectors'>,
  earlier: RecordedAnswers,
): JsonObject {
  const chosen = {
    license: fullPathOf(license),
    values: fullPathOf(values),
    // A values file says it itself, whenever it is read.
    connectors:
      connectors === undefined || connectors.from === 'values' ? undefined : connectorsText(connectors.names),
  };
  const said = Object.entries(chosen).filter(([, answer]) => answer !== undefined);
  const { storageClass: _, storagePath: __, ...others } = earlier;
  const storage = storageClass === undefined ? { storagePath } : { storageClass };
  return { ...others, fqdn, ...storage, ...(Object.fromEntries(said) as JsonObject) };
}

/** Flags of the command line that say something else than what was answered before. */
export function otherAnswers(given: GivenAnswers, earlier: RecordedAnswers): string[] {
  const { license, values, connectors } = given;
  const typed = {
    ...given,
    license: fullPathOf(license),
    values: fullPathOf(values),
    // Their order, and a name that is written twice, say nothing.
    connectors: connectors === undefined ? undefined : connectorsText(connectorsOf(connectors)),
  };
  return names.filter((name) => typed[name] !== undefined && typed[name] !== earlier[name]);
}

const fullPathOf = (path: string | undefined) => (path === undefined ? undefined : fullPath(path));

const connectorsText = (names: readonly string[]) => names.join(',') || 'none';
