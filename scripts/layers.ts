import { basename, dirname, join, relative } from 'node:path';
import { type Import, importCircles, layerMatrix, readImports, typescriptFiles } from './import-graph.ts';

/** What every layer may import. */
const base = ['known', 'shell-word', 'nesting', 'version', 'errors', 'foreign'];

const release = ['release', 'backup', 'host', 'payload', 'images', 'policy'];

/**
 * The architecture as data: which folder of src/ may import which. `main` and `errors` are the files of those
 * names. Type-only imports follow the same arrows, except where `types` allows more.
 */
export const layers: Record<string, { imports: readonly string[]; types?: readonly string[] }> = {
  main: { imports: ['commands', 'ui', 'host', ...base] },
  commands: { imports: ['support', 'flows', 'queries', 'report', 'ui', 'policy', ...base] },
  // Reads with queries and preflight, and renders: it stands above all three.
  support: { imports: ['flows', 'queries', 'session', 'ui', ...release, 'engine', ...base] },
  flows: {
    imports: ['queries', 'session', 'report', 'checks', 'steps', ...release, 'engine', ...base],
  },
  queries: { imports: ['session', 'report', ...release, 'engine', ...base] },
  // A run's log as a page: read back from its file alone, by the run itself and by a query.
  report: { imports: ['ui', 'host', 'policy', 'engine', ...base] },
  session: { imports: [...release, 'engine', ...base] },
  checks: { imports: [...release, ...base], types: ['engine'] },
  steps: { imports: [...release, ...base], types: ['engine'] },
  release: {
    imports: ['backup', 'host', 'payload', 'images', 'policy', ...base],
    types: ['engine'],
  },
  backup: { imports: ['host', 'payload', 'policy', ...base], types: ['engine', 'release'] },
  images: { imports: ['host', 'payload', ...base] },
  payload: { imports: ['host', ...base] },
  host: { imports: base, types: ['engine'] },
  ui: { imports: ['policy', ...base], types: ['engine', 'queries', 'support', 'images', 'payload'] },
  engine: { imports: base },
  policy: { imports: base },
  known: { imports: ['errors'] },
  'shell-word': { imports: [] },
  nesting: { imports: [] },
  version: { imports: ['errors'] },
  errors: { imports: ['foreign'] },
  foreign: { imports: [] },
};

/** Node modules that only one folder of src/ may import: programs are started in one place. */
const reserved: Record<string, string> = { 'node:child_process': 'host' };

export interface LayerBreach {
  file: string;
  line: number;
  message: string;
}

const layerOf = (file: string) => (file.split('/')[0] ?? '').replace(/\.ts$/, '');

function wrong({ file, specifier, target, typeOnly }: Import): string[] {
  const from = layerOf(file);
  const rule = layers[from];
  if (rule === undefined) return [`src/${from} is not in the table of layers`];
  const owner = reserved[specifier] ?? reserved[`node:${specifier}`];
  if (owner !== undefined && owner !== from) return [`${specifier} belongs to ${owner}/ alone`];
  if (target === undefined) return [];
  if (target.startsWith('..')) return [`${from} imports ${specifier}, outside src/`];
  const to = layerOf(target);
  const allowed = [...rule.imports, ...(typeOnly ? (rule.types ?? []) : [])];
  if (to === from || allowed.includes(to)) return [];
  return [`${from} -> ${to} is no arrow (${from} may import: ${rule.imports.join(', ') || 'nothing'})`];
}

/** A step's file bears its id, which has underscores; all others are kebab-case. */
function wrongName(file: string): string[] {
  const isStep = layerOf(file) === 'steps';
  if ((isStep ? /^[a-z0-9]+(_[a-z0-9]+)*\.ts$/ : /^[a-z0-9]+(-[a-z0-9]+)*\.ts$/).test(basename(file)))
    return [];
  return [`the name is not ${isStep ? 'snake_case, as the id of a step is' : 'kebab-case'}`];
}

/**
 * Every import in src/ that points against the arrows or runs in a circle, and every file with a wrong name.
 * `root` is the src/ folder.
 */
export function layerBreaches(root: string): LayerBreach[] {
  const imports = readImports(root);
  const found = [
    ...typescriptFiles(root).flatMap((file) =>
      wrongName(file).map((message) => ({ file, line: 1, message })),
    ),
    ...imports.flatMap((one) => wrong(one).map((message) => ({ ...one, message }))),
    ...importCircles(imports).map((files) => ({
      file: files[0] ?? '',
      line: 1,
      message: `import circle: ${files.join(', ')}`,
    })),
  ];
  return found.map(({ file, line, message }) => ({
    file: join(relative(dirname(root), root), file),
    line,
    message,
  }));
}

/** `npm run check -- --layers`: how often each layer imports each other one. */
export const matrixLines = (root: string): string[] =>
  layerMatrix(readImports(root), layerOf, Object.keys(layers));
