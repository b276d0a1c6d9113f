import { resolve } from 'node:path';
import { IvaapError } from '../../errors.ts';
import { type AnswerKey, answerKeys } from '../../policy/install-answers.ts';
import { shellWord } from '../../shell-word.ts';
import { readAnswersFile } from './answers-file.ts';

/**
 * Answers as they were given: of the command line, and of the file of `--answers` what the flags leave open.
 */
export interface GivenAnswers {
  fqdn: string | undefined;
  license: string | undefined;
  storagePath: string | undefined;
  storageClass: string | undefined;
  /** As typed: `witsml,ppdm`, or `none`. */
  connectors: string | undefined;
  values: string | undefined;
}

/** Answers of the command line, as they were typed. */
export interface InstallFlags extends GivenAnswers {
  /** Path of a file with answers. */
  answers: string | undefined;
}

/** How a message names an answer: `--fqdn wells`, or `fqdn wells (line 2 of answers.yaml)`. */
export type NameOf = (key: AnswerKey, value: string) => string;

/** Flags beat the file. Throws `usage` for a file that cannot be used, and for a folder beside a class. */
export async function givenAnswers(flags: InstallFlags): Promise<{ given: GivenAnswers; nameOf: NameOf }> {
  const { answers: path, ...typed } = flags;
  const named: NameOf = (key, value) => `${answerKeys[key].flag} ${value}`;
  assertOneStorage(typed, (key) => answerKeys[key].flag);
  if (path === undefined) return { given: typed, nameOf: named };
  const file = await readAnswersFile(path);
  const { connectors, ...texts } = file.answers;
  const read: Partial<GivenAnswers> = texts;
  if (connectors !== undefined) read.connectors = connectors.join(',') || 'none';
  assertOneStorage(read, (key) => `${key} (line ${file.lineOf(key)} of ${path})`);
  // Both say where the database lies.
  if (typed.storagePath !== undefined || typed.storageClass !== undefined) {
    delete read.storagePath;
    delete read.storageClass;
  }
  const given: GivenAnswers = { ...typed };
  for (const key of Object.keys(answerKeys) as AnswerKey[]) given[key] ??= read[key];
  const nameOf: NameOf = (key, value) =>
    typed[key] === undefined && read[key] !== undefined
      ? `${key} ${value} (line ${file.lineOf(key)} of ${path})`
      : named(key, value);
  return { given, nameOf };
}

/** The flags that say what was answered. */
export const answeredFlags = (answers: Partial<GivenAnswers>): string[] =>
  (Object.keys(answerKeys) as AnswerKey[]).flatMap((key) => {
    const value = answers[key];
    return value === undefined ? [] : [`${answerKeys[key].flag} ${shellWord(value)}`];
  });

function assertOneStorage(
  { storagePath, storageClass }: Partial<GivenAnswers>,
  name: (key: AnswerKey) => string,
): void {
  if (storagePath === undefined || storageClass === undefined) return;
  throw new IvaapError(
    'usage',
    `${name('storagePath')} and ${name('storageClass')} exclude each other: the database lies in a folder ` +
      'or on a volume of a StorageClass',
    { hint: 'Leave one of them out.' },
  );
}

/** The full path of a file that an answer names. Where a licence server is (PORT@HOST) is no path. */
export const fullPath = (path: string): string => (/^\d*@/.test(path) ? path : resolve(path));
