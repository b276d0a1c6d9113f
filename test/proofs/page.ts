import { formatMarkdown } from '../../scripts/generated-page.ts';

/** What is known of one case. */
export interface Row {
  id: string;
  /** By the names of the page's own columns. */
  cells: Readonly<Record<string, string>>;
  passed: boolean;
  seconds: number;
  /** `2026-01-31`. */
  date: string;
  commit: string;
  /** Of the sources; a row of other sources is stale. */
  hash: string;
}

export interface Section {
  /** Undefined for the only one of a page. */
  title?: string;
  /**
   * Its cases in their order: rows of others are forgotten. Undefined: keeps whatever was tried, and does not
   * count.
   */
  ids?: readonly string[];
}

/** A page of docs/ with what is known of each case, read back from the page itself. */
export interface Page {
  /** Below docs/. */
  file: string;
  title: string;
  /** What writes it. */
  command: string;
  about: string;
  terms: { cases: string; passed: string };
  columns: readonly { name: string; code?: true }[];
  sections: readonly Section[];
}

/** By the title of the section; an only one has the empty title. */
export type Rows = Record<string, Row[]>;

const titleOf = ({ title = '' }: Section) => title;

const cellsOf = (line: string) =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) =>
      cell
        .trim()
        .replaceAll(String.raw`\|`, '|')
        .replaceAll('`', ''),
    );

/** The rows of a page, whatever the order of its columns. */
export function parseRows({ terms, columns, sections }: Page, text: string): Rows {
  const rows: Rows = Object.fromEntries(sections.map((section) => [titleOf(section), []]));
  let section: Row[] | undefined = rows[''];
  let names: string[] = [];
  for (const line of text.split('\n')) {
    const title = /^## (.*)$/.exec(line)?.[1];
    if (title !== undefined) section = rows[title];
    if (!line.startsWith('|')) continue;
    const cells = cellsOf(line);
    if (!line.startsWith('| `')) {
      if (!/^[-: ]*$/.test(cells[0] ?? '')) names = cells.map((name) => name.toLowerCase());
      continue;
    }
    const cell = (name: string) => cells[names.indexOf(name)] ?? '';
    section?.push({
      id: cells[0] ?? '',
      cells: Object.fromEntries(columns.map(({ name }) => [name, cell(name.toLowerCase())])),
      passed: cell('result').startsWith(terms.passed),
      seconds: Number(cell('seconds')),
      date: cell('date'),
      commit: cell('commit'),
      hash: cell('sources').replace(/ stale$/, ''),
    });
  }
  return rows;
}

/** Ids of a section that have no row of today's sources that passed, in their order. */
export function leftOf(section: Section, rows: Rows, hash: string): string[] {
  const known = rows[titleOf(section)] ?? [];
  return (section.ids ?? []).filter(
    (id) => !known.some((row) => row.id === id && row.passed && row.hash === hash),
  );
}

/** One line: how many cases there are, and what is known of them for today's sources. */
export function summary({ terms }: Pick<Page, 'terms'>, section: Section, rows: Rows, hash: string): string {
  const { ids = [] } = section;
  const known = (rows[titleOf(section)] ?? []).filter(({ id }) => ids.includes(id));
  const valid = known.filter((row) => row.hash === hash);
  const passed = valid.filter((row) => row.passed).length;
  const [stale, never] = [known.length - valid.length, ids.length - known.length];
  return (
    `${ids.length} ${terms.cases}: ${passed} ${terms.passed}, ` +
    `${valid.length - passed} failed, ${stale} stale, ${never} not tried`
  );
}

/** For which commit every case of the page has passed; undefined when some are left. */
export function wholeFor({ sections }: Pick<Page, 'sections'>, rows: Rows, hash: string): string | undefined {
  const counted = sections.filter(({ ids }) => ids !== undefined);
  if (counted.some((section) => leftOf(section, rows, hash).length > 0)) return undefined;
  const newest = counted.flatMap((section) => rows[titleOf(section)] ?? []).toSorted(byDate);
  // A plus marks sources that were no commit's.
  return (newest.findLast(({ commit }) => !commit.endsWith('+')) ?? newest.at(-1))?.commit;
}

const byDate = (a: Row, b: Row) => a.date.localeCompare(b.date);

/** The first line of a page says for which commit it is complete. */
function heading(page: Page, rows: Rows, hash: string, earlier: string): string {
  const whole = wholeFor(page, rows, hash);
  if (whole !== undefined) return `# ${page.title}: whole for commit ${whole} (sources ${hash})`;
  const ids = page.sections.flatMap((section) => section.ids ?? []);
  const left = page.sections.flatMap((section) => leftOf(section, rows, hash));
  const last = /^# .*?whole for commit ([0-9a-f]+)/.exec(earlier)?.[1];
  return (
    `# ${page.title}: not whole for the sources ${hash}, ${left.length} of ${ids.length} ` +
    `${page.terms.cases} left${last === undefined ? '' : `; last whole for commit ${last}`}`
  );
}

/** The page's text, formatted as the check wants it. `earlier` is the page as it was. */
export async function pageText(page: Page, rows: Rows, hash: string, earlier = ''): Promise<string> {
  const parts = [
    heading(page, rows, hash, earlier),
    `<!-- Written by \`${page.command}\`: change that, or what it reads, and run it. -->`,
    page.about,
  ];
  for (const section of page.sections) {
    const { title, ids } = section;
    const all = rows[titleOf(section)] ?? [];
    const known = ids?.flatMap((id) => all.find((row) => row.id === id) ?? []) ?? all;
    if (ids === undefined && known.length === 0) continue;
    if (title !== undefined) parts.push(`## ${title}`);
    if (ids !== undefined) parts.push(`For the sources ${hash}: ${summary(page, section, rows, hash)}.`);
    if (known.length > 0) parts.push(table(page, known, hash));
  }
  return formatMarkdown(`${parts.join('\n\n')}\n`);
}

const escaped = (text: string) =>
  text
    .replaceAll(/[\s`]+/g, ' ')
    .replaceAll('|', String.raw`\|`)
    .trim();
/** Nothing in code is markup. */
const code = (text: string) => `\`${escaped(text) || '-'}\``;

function table({ terms, columns }: Page, rows: readonly Row[], today: string): string {
  const names = ['id', ...columns.map(({ name }) => name), 'result', 'seconds', 'date', 'commit', 'sources'];
  const lines = rows.map(({ id, cells, passed, seconds, date, commit, hash }) => [
    code(id),
    ...columns.map((column) => (column.code === true ? code : escaped)(cells[column.name] ?? '')),
    passed ? terms.passed : 'FAILED',
    String(Math.round(seconds)),
    date,
    commit,
    hash === today ? hash : `${hash} stale`,
  ]);
  return [names, names.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
