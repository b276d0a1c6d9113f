import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * The architecture as data: which folder of src/ may import which. `main` and `errors` are the files of those names.
 * Type-only imports follow the same arrows, except where `types` allows more.
 */
export const layers: Record<string, { imports: readonly string[]; types?: readonly string[] }> = {
  main: { imports: ['commands', 'ui', 'host', 'known', 'shell-word', 'errors', 'foreign'] },
  commands: {
    imports: [
      'flows',
      'ui',
      'payload',
      'images',
      'host',
      'engine',
      'policy',
      'known',
      'shell-word',
      'errors',
      'foreign',
    ],
    types: ['steps'],
  },
  flows: {
    imports: [
      'steps',
      'host',
      'payload',
      'images',
      'policy',
      'engine',
      'known',
      'shell-word',
      'errors',
      'foreign',
    ],
  },
  steps: {
    imports: ['host', 'payload', 'images', 'policy', 'known', 'shell-word', 'errors', 'foreign'],
    types: ['engine'],
  },
  images: { imports: ['host', 'payload', 'known', 'shell-word', 'errors', 'foreign'] },
  payload: { imports: ['host', 'images', 'known', 'shell-word', 'errors', 'foreign'] },
  host: { imports: ['known', 'shell-word', 'errors', 'foreign'], types: ['engine'] },
  ui: { imports: ['policy', 'known', 'shell-word', 'errors', 'foreign'], types: ['engine'] },
  engine: { imports: ['known', 'shell-word', 'errors', 'foreign'] },
  policy: { imports: ['known', 'shell-word', 'errors', 'foreign'] },
  known: { imports: ['errors'] },
  'shell-word': { imports: [] },
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

function layerOf(root: string, file: string): string {
  const [first = ''] = relative(root, file).split('/');
  return first.replace(/\.ts$/, '');
}

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Every import in src/ that points against the arrows. `root` is the src/ folder. */
export function layerBreaches(root: string): LayerBreach[] {
  const breaches: LayerBreach[] = [];
  for (const file of typescriptFiles(root)) {
    const from = layerOf(root, file);
    const rule = layers[from];
    const text = readFileSync(file, 'utf8');
    for (const match of text.matchAll(importPattern)) {
      const specifier = match[2] ?? match[3] ?? '';
      const line = text.slice(0, match.index).split('\n').length + (match[0].startsWith('\n') ? 1 : 0);
      const breach = (message: string) =>
        breaches.push({ file: relative(dirname(root), file), line, message });
      if (rule === undefined) {
        breach(`src/${from} is not in the table of layers`);
        continue;
      }
      const owner = reserved[specifier] ?? reserved[`node:${specifier}`];
      if (owner !== undefined && owner !== from) breach(`${specifier} belongs to ${owner}/ alone`);
      if (!specifier.startsWith('.')) continue;
      const target = resolve(dirname(file), specifier);
      if (relative(root, target).startsWith('..')) {
        breach(`${from} imports ${specifier}, outside src/`);
        continue;
      }
      const to = layerOf(root, target);
      const allowed = [...rule.imports, ...(match[1] === undefined ? [] : (rule.types ?? []))];
      if (to !== from && !allowed.includes(to)) {
        breach(`${from} -> ${to} is no arrow (${from} may import: ${rule.imports.join(', ') || 'nothing'})`);
      }
    }
  }
  return breaches;
}
