import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { format } from 'prettier';

/** A page of docs/ that is made from code: its generator writes it, a test compares. */
export interface GeneratedPage {
  path: string;
  text: string;
}

const root = join(import.meta.dirname, '..');

/** `name` is the file below docs/, `generator` the script that wrote it; formatted as `npm run check` wants it. */
export async function generatedPage(
  name: string,
  generator: string,
  markdown: string,
): Promise<GeneratedPage> {
  const note = `<!-- Written by ${generator}: change that, or what it reads, and run it. -->`;
  const options = JSON.parse(readFileSync(join(root, '.prettierrc.json'), 'utf8')) as object;
  return {
    path: join(root, 'docs', name),
    text: await format(`${note}\n\n${markdown}`, { ...options, parser: 'markdown' }),
  };
}

export function writePage({ path, text }: GeneratedPage): void {
  writeFileSync(path, text);
  console.log(`wrote ${relative(root, path)}`);
}
