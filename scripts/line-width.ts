import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { typescriptFiles } from './import-graph.ts';

/**
 * Columns that a line of source may have; the formatter keeps code to them, this measures comments and
 * strings too.
 */
export const width = 110;

/** Behind these a slash starts a regular expression and divides nothing. */
const beforePattern = /(?:^|[=(,:;!&|?{}[+>]|\breturn|\bcase)\s*$/;

/**
 * Lines (from 0) that are inside a string of several lines: text of another language, as SQL, shell or
 * Markdown. Knows strings, templates with expressions in them, comments and regular expressions.
 */
export function linesOfOtherText(source: string): Set<number> {
  const others = new Set<number>();
  /** One per open template: how many braces are open in its expression; undefined while its text is read. */
  const templates: (number | undefined)[] = [];
  let line = 0;
  for (let at = 0; at < source.length;) {
    const inText = templates.length > 0 && templates.at(-1) === undefined;
    const rest = source.slice(at, at + 2);
    let end = at + 1;
    if (inText) {
      if (rest.startsWith('\\')) end = at + 2;
      else if (rest === '${') [templates[templates.length - 1], end] = [0, at + 2];
      else if (rest.startsWith('`')) templates.pop();
      else if (rest.startsWith('\n')) others.add(line).add(line + 1);
    } else if (rest === '//') end = lineEnd(source, at);
    else if (rest === '/*') end = after(source, '*/', at + 2);
    else if (rest.startsWith('`')) templates.push(undefined);
    else if (rest.startsWith("'") || rest.startsWith('"')) end = literalEnd(source, at);
    else if (rest.startsWith('/') && beforePattern.test(source.slice(Math.max(0, at - 40), at)))
      end = literalEnd(source, at);
    else if (templates.length > 0) {
      const open = templates.at(-1) ?? 0;
      if (rest.startsWith('{')) templates[templates.length - 1] = open + 1;
      if (rest.startsWith('}')) templates[templates.length - 1] = open === 0 ? undefined : open - 1;
    }
    line += source.slice(at, end).split('\n').length - 1;
    at = end;
  }
  return others;
}

const lineEnd = (source: string, at: number) => {
  const end = source.indexOf('\n', at);
  return end === -1 ? source.length : end;
};

const after = (source: string, what: string, at: number) => {
  const found = source.indexOf(what, at);
  return found === -1 ? source.length : found + what.length;
};

/**
 * Behind a string or a regular expression that starts at `at`; a slash in a class of characters ends nothing.
 */
function literalEnd(source: string, at: number): number {
  const mark = source[at];
  let inClass = false;
  for (let next = at + 1; next < source.length && source[next] !== '\n'; next += 1) {
    if (source[next] === '\\') next += 1;
    else if (mark === '/' && source[next] === '[') inClass = true;
    else if (mark === '/' && source[next] === ']') inClass = false;
    else if (source[next] === mark && !inClass) return next + 1;
  }
  return at + 1;
}

/** A regular expression by itself, and what has no space to break at, cannot be shorter. */
const cannotBreak = (line: string) =>
  /^\s*([\w' ]+: )?:? ?\/(?![*/]).*\/[a-z]*[;,]?$/.test(line) || /\S{80}/.test(line);

/** The name of a test stays on one line, so that it is found as it was printed. */
const isTitle = (line: string) =>
  /^\s*(?:await )?(?:\w+\.)?(?:test|it|describe|chapter|story|does)\(['"`]/.test(line);

/** Lines of TypeScript below the folder that are too wide. */
export function wideLines(root: string): { file: string; line: number; columns: number }[] {
  return typescriptFiles(root).flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    const lines = source.split('\n');
    if (!lines.some((line) => line.length > width)) return [];
    const others = linesOfOtherText(source);
    return lines.flatMap((text, line) =>
      text.length > width && !others.has(line) && !cannotBreak(text) && !isTitle(text)
        ? [{ file, line: line + 1, columns: text.length }]
        : [],
    );
  });
}
