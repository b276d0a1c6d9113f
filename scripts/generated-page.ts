import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { FormatConfig } from 'oxfmt';
import { format } from 'oxfmt';
import { wrapMarkdown } from './markdown-lines.ts';

/** A page of docs/ that is made from code: its generator writes it, a test compares. */
export interface GeneratedPage {
  path: string;
  text: string;
}

const root = join(import.meta.dirname, '..');

/** As `npm run check` wants it. Throws where the formatter cannot read the text. */
export async function formatMarkdown(text: string): Promise<string> {
  const options = JSON.parse(readFileSync(join(root, '.oxfmtrc.json'), 'utf8')) as FormatConfig;
  const { code, errors } = await format('page.md', text, options);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('; '));
  return code;
}

/** `name` is the file below docs/, `generator` the script that wrote it. */
export async function generatedPage(
  name: string,
  generator: string,
  markdown: string,
): Promise<GeneratedPage> {
  const note = `<!-- Written by ${generator}: change that, or what it reads, and run it. -->`;
  return {
    path: join(root, 'docs', name),
    text: await formatMarkdown(`${note}\n\n${wrapMarkdown(markdown)}`),
  };
}

export function writePage({ path, text }: GeneratedPage): void {
  writeFileSync(path, text);
  console.log(`wrote ${relative(root, path)}`);
}
