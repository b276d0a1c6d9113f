import { extractAll } from '../queries/extract.ts';
import { extractedTreeText } from '../ui/extract-text.ts';
import { withStderrProgress } from '../ui/stderr-progress.ts';
import type { Command, Invocation } from './command.ts';
import { jsonFields } from './json-fields.ts';

async function run({ args: [dir = ''], signal, json }: Invocation): Promise<void> {
  const tree = await withStderrProgress((emit) => extractAll(dir, { emit, signal }));
  process.stdout.write(`${json ? JSON.stringify(tree) : extractedTreeText(tree)}\n`);
}

export const extractCommand: Command = {
  arguments: [{ name: '<dir>', summary: 'a new or empty folder' }],
  options: [{ flags: '--json', summary: 'the result, or the error, as one JSON object (docs/json.md)' }],
  touches: [
    'Writes the image archives, the chart, the values template and the other files of the payload ' +
      'to DIR, with the same relative paths as in the product folder.',
    'DIR appears only after everything is written and checked. A DIR that is not empty is refused, and so ' +
      'is one that another process fills meanwhile.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../queries/extract-schema.ts')).extractedTreeSchema),
  ],
  examples: [['extract /var/tmp/stage', 'create a staging folder to copy single files from']],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
