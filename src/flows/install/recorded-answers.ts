import { resolve } from 'node:path';
import type { RunRecord } from '../../engine/state.ts';
import type { JsonObject } from '../../engine/step.ts';
import { lastResult } from '../../backup/step-results.ts';
import { preflight } from '../../steps/preflight.ts';

const names = ['fqdn', 'storagePath', 'license', 'values'] as const;

type Typed = Record<(typeof names)[number], string | undefined>;

/** What an unfinished install was answered; files by their full paths. */
export type RecordedAnswers = Partial<Typed>;

/** Older programs recorded only two of them, with the first step. */
export function recordedAnswers(run: Readonly<RunRecord> | undefined): RecordedAnswers {
  const kept: JsonObject = run?.answers ?? lastResult(run, preflight)?.answers ?? {};
  return Object.fromEntries(
    names.flatMap((name) => (typeof kept[name] === 'string' ? [[name, kept[name]]] : [])),
  );
}

/** What is recorded with a run: what was answered now, and of an earlier attempt what was not asked again. */
export function answersToRecord(
  { license, values }: Typed,
  { fqdn, storagePath }: { fqdn: string; storagePath: string },
  earlier: RecordedAnswers,
): JsonObject {
  const files = { license, values };
  const paths = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, resolve(path)]],
  );
  return { ...earlier, fqdn, storagePath, ...(Object.fromEntries(paths) as JsonObject) };
}

/** Flags of the command line that say something else than what was answered before. */
export function otherAnswers(flags: Typed, earlier: RecordedAnswers): string[] {
  const typed = { ...flags, license: fullPath(flags.license), values: fullPath(flags.values) };
  return names.filter((name) => typed[name] !== undefined && typed[name] !== earlier[name]);
}

const fullPath = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
