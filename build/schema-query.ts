import type { Product } from '../src/payload/product-schema.ts';
import type { SpecFile } from './spec-file.ts';

/**
 * Words that change something wherever they stand as a word of SQL of their own. Hosts ask in a transaction
 * that is read-only: the server refuses them, at the first install that looks.
 */
const writing = new Set(
  (
    'insert update delete merge truncate create alter drop grant revoke copy call do ' +
    'vacuum analyze reindex cluster refresh lock notify listen set reset begin commit ' +
    'rollback prepare execute comment into'
  ).split(' '),
);
/** Functions that write, or take something from others, although they stand in a SELECT. */
const writingFunctions =
  /^(nextval|setval|pg_(terminate|cancel)_backend|(pg_)?lo_\w+|pg_(try_)?advisory\w*|set_config|pg_notify|dblink_exec|pg_switch_wal|pg_reload_conf|txid_current|pg_current_xact_id)$/;

/** What makes a query of the schema's version one that no host can ask. */
export function queryMistakes({ value, at }: SpecFile<Product>): string[] {
  const where = at(['database', 'schemaVersionQuery']);
  const say = (what: string) => [
    `${where}: database.schemaVersionQuery ${what}: write one SELECT of one integer that changes nothing`,
  ];
  const words = wordsOf(value.database.schemaVersionQuery);
  if (words === undefined) return say('has a quote or comment that does not end');
  const last = words.at(-1) === ';' ? words.slice(0, -1) : words;
  if (last.includes(';')) return say('is more than one statement');
  const [first = 'nothing'] = last;
  if (!['select', 'with', 'values', 'table', '('].includes(first))
    return say(`starts with ${first.slice(0, 40).toUpperCase()}`);
  const found = last.find(
    (word, position) =>
      (writingFunctions.test(word) && last[position + 1] === '(') ||
      // FOR UPDATE locks rows, which a read-only transaction may not. A column's name has a dot before it.
      (last[position - 1] !== '.' && writing.has(word) && last[position + 1] !== '(') ||
      (last[position - 1] === 'for' && word === 'share'),
  );
  return found === undefined ? [] : say(`writes or locks (${found.toUpperCase()})`);
}

/**
 * Words and signs of a text of SQL, in lower case, without comments and with the contents of strings and
 * quoted names left out. undefined where one of them does not end.
 */
function wordsOf(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text;
  const shapes: [RegExp, (found: string) => string[]][] = [
    [/^\s+|^--[^\n]*/, () => []],
    [/^(?:e'(?:[^'\\]+|\\[\s\S]|'')*'|'[^']*')/i, () => ["''"]],
    [/^"[^"]*"/, () => ['""']],
    [/^\$((?:[a-z_]\w*)?)\$[\s\S]*?\$\1\$/i, () => ["''"]],
    [/^[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/i, (found) => [found.toLowerCase()]],
    [/^\d[\w.]*/, (found) => [found]],
    [/^[^'"]/, (found) => [found]],
  ];
  while (rest !== '') {
    if (rest.startsWith('/*')) {
      const after = afterComment(rest);
      if (after === undefined) return undefined;
      rest = rest.slice(after);
      continue;
    }
    const shape = shapes.find(([expression]) => expression.test(rest));
    if (shape === undefined) return undefined;
    const [found] = shape[0].exec(rest)!;
    words.push(...shape[1](found));
    rest = rest.slice(found.length);
  }
  return words;
}

/** Comments of this kind contain one another. */
function afterComment(text: string): number | undefined {
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return undefined;
}
