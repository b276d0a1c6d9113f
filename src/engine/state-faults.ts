import type * as z from 'zod';
import { foreign } from '../foreign.ts';

/** What is wrong with a state file, in words for somebody who has never seen its schema. */

type Issue = z.core.$ZodIssue;

/** The first few, from the outside in, since one wrong edit is often followed by many more. */
const mostNamed = 3;

export function stateFaults(issues: readonly Issue[], root: unknown): string {
  const outermost = issues.toSorted((one, other) => one.path.length - other.path.length);
  const named = outermost.slice(0, mostNamed).map((issue) => faultOf(issue, root));
  const more = issues.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

function faultOf(issue: Issue, root: unknown): string {
  const key = issue.path.length === 0 ? 'the file' : foreign(pathText(issue.path));
  const found = issue.path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown>)?.[step], root);
  const expected = expectedBy(issue);
  return found === undefined
    ? `${key} is missing (expected: ${expected})`
    : `${key} is ${foundText(found)} (expected: ${expected})`;
}

const pathText = (path: Issue['path']): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : `${text}${text === '' ? '' : '.'}${String(step)}`,
    '',
  );

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected] ?? issue.expected;
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value)).join(', ');
      return issue.values.length === 1 ? values : `one of ${values}`;
    }
    case 'too_small':
      return `${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === true ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return 'another value';
  }
}

/** The value itself where it is short: a text that is cut, a kind for what has parts. */
function foundText(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return foreign(JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value));
}
