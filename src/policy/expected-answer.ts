import { isDeepStrictEqual } from 'node:util';
import { foreign } from '../foreign.ts';
import { fieldAt } from './values-patches.ts';

/** What an answer has to be like. */
export interface ExpectedAnswer {
  expectStatus: number;
  expectText?: string | undefined;
  expectJson?: { path: readonly string[]; equals: unknown } | undefined;
}

/** As it is said of a route: `status 200, with "ok" at status of its JSON`. */
export function expectedText({ expectStatus, expectText, expectJson }: ExpectedAnswer): string {
  const text = expectText === undefined ? [] : [`the text ${JSON.stringify(expectText)}`];
  const json =
    expectJson === undefined
      ? []
      : [`${JSON.stringify(expectJson.equals)} at ${expectJson.path.join('.')} of its JSON`];
  const wanted = [...text, ...json].join(' and ');
  return `status ${expectStatus}${wanted === '' ? '' : `, with ${wanted}`}`;
}

/** What an answer lacks, to be said after its status; undefined where it is as expected. */
export function unexpectedPart(
  { expectStatus, expectText, expectJson }: ExpectedAnswer,
  { status, body }: { status: number; body: Buffer },
): string | undefined {
  if (status !== expectStatus) return '';
  const text = body.toString('utf8');
  if (expectText !== undefined && !text.includes(expectText)) return `without ${JSON.stringify(expectText)}`;
  if (expectJson === undefined) return undefined;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return 'but it is no JSON';
  }
  const { path, equals } = expectJson;
  const found = fieldAt(answer, path);
  if (isDeepStrictEqual(found, equals)) return undefined;
  const has = found === undefined ? 'nothing' : foreign(JSON.stringify(found).slice(0, 60));
  return `but ${path.join('.')} of its JSON is ${has}, not ${JSON.stringify(equals)}`;
}
