import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedPage } from '../../scripts/generated-page.ts';
import { locked } from '../lab/process.ts';
import type { GraphName } from './journal-places.ts';

/** docs/crash-matrix.md: what is known of each place, read back from the page itself. */

export interface Row {
  place: string;
  kill: string;
  result: 'survived' | 'FAILED';
  found: string;
  /** Of the run after the kill. */
  seconds: number;
  /** `2026-01-31`. */
  date: string;
  commit: string;
  /** Of the sources; a row of other sources is stale. */
  hash: string;
}

export type Section = GraphName | 'random upgrade' | 'random install';
export type Matrix = Record<Section, Row[]>;

export interface PageFacts {
  /** Hash of the sources today. */
  hash: string;
  /** The places of each graph today: rows of others are forgotten. */
  places: Record<GraphName, readonly string[]>;
}

const titles: Record<Section, string> = {
  upgrade: 'Upgrade',
  install: 'Install',
  'random upgrade': 'Random instants of an upgrade',
  'random install': 'Random instants of an install',
};
const sections = Object.keys(titles) as Section[];
const isGraph = (section: Section): section is GraphName => section === 'upgrade' || section === 'install';

const pagePath = join(import.meta.dirname, '../../docs/crash-matrix.md');

export function parseMatrix(text: string): Matrix {
  const matrix: Matrix = { upgrade: [], install: [], 'random upgrade': [], 'random install': [] };
  let section: Section | undefined;
  for (const line of text.split('\n')) {
    const title = /^## (.*)$/.exec(line)?.[1];
    if (title !== undefined) section = sections.find((each) => titles[each] === title);
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|'));
    const [place = '', kill = '', result = '', found = '', seconds = '', date = '', commit = '', hash = ''] =
      cells;
    if (section === undefined || !place.startsWith('`')) continue;
    matrix[section].push({
      place: place.replaceAll('`', ''),
      kill,
      result: result.startsWith('survived') ? 'survived' : 'FAILED',
      found: found.replaceAll('`', ''),
      seconds: Number(seconds),
      date,
      commit,
      hash: hash.replace(/ stale$/, ''),
    });
  }
  return matrix;
}

/** As code: nothing in it is markup. */
const code = (text: string) =>
  `\`${
    text
      .replaceAll(/[\s`]+/g, ' ')
      .replaceAll('|', String.raw`\|`)
      .trim() || '-'
  }\``;

function table(rows: readonly Row[], today: string): string {
  const head = '| place | killed | result | what the next run found | seconds | date | commit | sources |';
  const lines = rows.map(({ place, kill, result, found, seconds, date, commit, hash }) =>
    [
      '',
      `\`${place}\``,
      kill,
      result,
      code(found),
      Math.round(seconds),
      date,
      commit,
      hash === today ? hash : `${hash} stale`,
      '',
    ]
      .join(' | ')
      .trim(),
  );
  return [head, '| --- | --- | --- | --- | --: | --- | --- | --- |', ...lines].join('\n');
}

/** One line: how many places there are, and what is known of them for today's sources. */
export function summary(graph: GraphName, matrix: Matrix, { hash, places }: PageFacts): string {
  const rows = matrix[graph].filter(({ place }) => places[graph].includes(place));
  const valid = rows.filter((row) => row.hash === hash);
  const survived = valid.filter(({ result }) => result === 'survived').length;
  const never = places[graph].length - rows.length;
  return `${places[graph].length} places: ${survived} survived, ${valid.length - survived} failed, ${rows.length - valid.length} stale, ${never} not tried`;
}

function markdown(matrix: Matrix, facts: PageFacts): string {
  const parts = [
    '# The crash matrix',
    'The command is killed with SIGKILL at each place that its journal names, on a clone of an installed host (a bare one for the ' +
      'install), and typed again. It survived when that ended well and nothing differs from a run that nobody disturbed; ' +
      'see [testing.md](testing.md). `process`: `ivaap` alone was killed, `tree`: all that it had started as well. ' +
      'A row holds for the sources (src/, payload-spec/, test/lab/) with the hash that it names.',
  ];
  for (const section of sections) {
    const rows = matrix[section];
    if (isGraph(section)) {
      const order = facts.places[section];
      const known = rows
        .filter(({ place }) => order.includes(place))
        .sort((a, b) => order.indexOf(a.place) - order.indexOf(b.place));
      parts.push(
        `## ${titles[section]}`,
        `For the sources ${facts.hash}: ${summary(section, matrix, facts)}.`,
      );
      if (known.length > 0) parts.push(table(known, facts.hash));
    } else if (rows.length > 0) parts.push(`## ${titles[section]}`, table(rows, facts.hash));
  }
  return `${parts.join('\n\n')}\n`;
}

/** The page's text, formatted as the check wants it. */
export const renderMatrix = async (matrix: Matrix, facts: PageFacts): Promise<string> =>
  (await generatedPage('crash-matrix.md', '`npm run test:crash`', markdown(matrix, facts))).text;

export function readMatrix(): Matrix {
  return parseMatrix(existsSync(pagePath) ? readFileSync(pagePath, 'utf8') : '');
}

/** Puts a row in its place; another command may be writing, too. */
export function writeRow(section: Section, row: Row, facts: PageFacts): Promise<Matrix> {
  return locked('crash-matrix', async () => {
    const matrix = readMatrix();
    const older = matrix[section].findIndex(({ place }) => place === row.place);
    if (older === -1) matrix[section].push(row);
    else matrix[section][older] = row;
    writeFileSync(pagePath, await renderMatrix(matrix, facts));
    return matrix;
  });
}
