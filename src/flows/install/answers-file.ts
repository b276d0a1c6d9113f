import { dirname, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { IvaapError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { readRegular } from '../../host/regular-file.ts';
import { isNestedTooDeep } from '../../nesting.ts';
import { type AnswerKey, answerKeys, isAnswerKey } from '../../policy/install-answers.ts';
import { nearestNames } from '../../policy/nearest.ts';
import { decodeValues, readAsHelm, type ValuesFault } from '../../release/values-yaml.ts';
import { shellWord, toEdit } from '../../shell-word.ts';

/** What a file of `--answers` may hold; docs/json.md is generated from it. Secrets are in other files. */
export const answersSchema = z.strictObject({
  license: z
    .string()
    .min(1)
    .optional()
    .describe("The licence file; a relative path starts in the answers file's folder. As `--license`."),
  fqdn: z.string().min(1).optional().describe('Host name that browsers use to reach this host. As `--fqdn`.'),
  storagePath: z.string().min(1).optional().describe("Folder of the database's data. As `--storage-path`."),
  storageClass: z
    .string()
    .min(1)
    .optional()
    .describe("StorageClass of the database's volume, instead of a folder. As `--storage-class`."),
  connectors: z
    .array(z.string().min(1))
    .optional()
    .describe('Connectors to enable, of those that the licence grants; `[]`: none. As `--connectors`.'),
  values: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Your own values file, instead of the payload's template; a relative path starts in the answers " +
        "file's folder. As `--values`.",
    ),
});

export type FileAnswers = z.infer<typeof answersSchema>;

export interface AnswersFile {
  path: string;
  answers: FileAnswers;
  /** The line of a key. */
  lineOf(key: AnswerKey): number;
}

const mostBytes = 256 * 1024;

/** Reads a file of `--answers`, as carefully as a values file. Throws `usage` with the lines at fault. */
export async function readAnswersFile(path: string): Promise<AnswersFile> {
  let bytes: Buffer;
  try {
    bytes = await readRegular(path, mostBytes);
  } catch (error) {
    throw new IvaapError('usage', `the answers file ${path} cannot be read`, {
      cause: error,
      hint: `ls -l ${shellWord(path)}`,
    });
  }
  const decoded = decodeValues(bytes);
  if ('faults' in decoded) throw unusable(path, decoded.faults);
  const { text } = decoded;
  const read = readAsHelm(text);
  if ('faults' in read) throw unusable(path, read.faults);
  const lineOf = linesOf(text);
  if (isNestedTooDeep(read.root)) throw unusable(path, [{ line: 1, what: 'it is nested too deep' }]);
  const parsed = answersSchema.safeParse(read.root);
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ line: lineOf(key), what: unknownKey(key) }))
        : [wrongValue(issue.path, lineOf(String(issue.path[0] ?? '')))],
    );
    throw unusable(path, faults);
  }
  const answers = parsed.data;
  const folder = dirname(resolve(path));
  for (const key of ['license', 'values'] as const) {
    const file = answers[key];
    // Where a licence server is (PORT@HOST) is no path.
    if (file !== undefined && !/^\d*@/.test(file)) answers[key] = resolve(folder, file);
  }
  return { path, answers, lineOf };
}

/** Of top-level keys; 1 for one that is merged from elsewhere. */
function linesOf(text: string): (key: string) => number {
  const counter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: counter });
  const lines = new Map<string, number>();
  if (isMap(contents)) {
    for (const { key } of contents.items) {
      if (isScalar(key)) lines.set(String(key.value), counter.linePos(key.range?.[0] ?? 0).line);
    }
  }
  return (key) => lines.get(key) ?? 1;
}

function unknownKey(key: string): string {
  const keys = Object.keys(answerKeys);
  const [near] = nearestNames(key, keys, 1);
  const meant = near === undefined ? `; the keys are ${keys.join(', ')}` : `; did you mean ${near}?`;
  return `unknown key ${foreign(key)}${meant}`;
}

function wrongValue([key = '', at]: readonly PropertyKey[], line: number): ValuesFault {
  const name = String(key);
  const list = isAnswerKey(name) && name === 'connectors';
  const what = list && at === undefined ? 'must be a list of names' : 'must be a text that is not empty';
  return { line, what: `${name} ${list && at !== undefined ? 'has an entry that ' : ''}${what}` };
}

function unusable(path: string, faults: readonly ValuesFault[]): IvaapError {
  const listed = [...faults].sort((a, b) => a.line - b.line).slice(0, 5);
  const lines = listed.map(({ line, what }) => `line ${line}: ${what}`).join('; ');
  return new IvaapError('usage', `the answers file ${path} cannot be used: ${lines}`, {
    hint: `Fix the file (${toEdit(path)}), then run the same command again.`,
  });
}
