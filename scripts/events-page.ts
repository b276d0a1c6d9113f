import { eventSchemas, eventsVersion } from '../src/engine/events.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';
import { fieldList } from './schema-fields.ts';

/** `node scripts/events-page.ts` writes docs/events.md from the events' schemas. */

function section(schema: (typeof eventSchemas)[number]): string {
  return `## ${schema.shape.type.value}

${schema.description ?? ''}

${fieldList(schema, { out: ['type', 'at'] })}
`;
}

const intro = [
  `With \`--json\` a command prints events, one JSON object per line, on standard output; the run log
  (\`.installer/logs/RUN.jsonl\` in the product's folder) holds the same. This is version ${eventsVersion}
  of the schema, which \`run.started\` names as \`version\`: a higher minor adds events and fields, so
  readers ignore what they do not know; another major is another format.`,
  `Commands that only answer (\`status\`, \`manifest\`, \`verify\`) and those that write payload files (\`extract\`,
  \`extract-file\`) print no events with \`--json\` but one object, their answer: [json.md](json.md). When
  they fail, they print an \`error\` event instead of it, or after it if there is still an answer.`,
  `Every event has \`type\` and \`at\` (ISO 8601, UTC). The last one is \`result\` or \`error\`. The run
  log starts with a line of type \`LOG\` (\`by\`, \`pid\`) for each start of the program, and ends with
  one of type \`RESULT\`
  (\`status\`, \`exitCode\`, \`message\`); a log without it belongs to a run that was interrupted, or that is
  still running.`,
];

export function eventsPage(): Promise<GeneratedPage> {
  const markdown = `# Events

${intro.join('\n\n')}

${eventSchemas.map(section).join('\n')}`;
  return generatedPage('events.md', 'scripts/events-page.ts', markdown);
}

if (import.meta.main) writePage(await eventsPage());
