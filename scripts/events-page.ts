import * as z from 'zod';
import { eventSchemas, eventsVersion } from '../src/engine/events.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';

/** `node scripts/events-page.ts` writes docs/events.md from the events' schemas. */

interface Property {
  type?: string | string[];
  description?: string;
  anyOf?: Property[];
  enum?: string[];
  const?: string | boolean;
  items?: Property;
  properties?: Record<string, Property>;
  required?: string[];
}

function typeName({ type, anyOf, enum: values, const: constant, items }: Property): string {
  // As it stands in the JSON: a boolean is no text.
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``;
  if (values) return values.map((value) => `\`"${value}"\``).join(' or ');
  if (anyOf) return anyOf.map(typeName).join(' or ');
  if (type === 'array' && items) return `list of ${typeName(items)}`;
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'any');
}

/** A row for each field; the fields of objects inside follow with a dotted name. */
function rows(properties: Record<string, Property>, required: readonly string[], prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const optional = required.includes(name) ? '' : ' (optional)';
    const row = `| \`${prefix}${name}\` | ${typeName(property)}${optional} | ${property.description ?? ''} |`;
    const inner = property.items ?? property;
    const dotted = `${prefix}${name}${property.items ? '[]' : ''}.`;
    return [row, ...(inner.properties ? rows(inner.properties, inner.required ?? [], dotted) : [])];
  });
}

function section(schema: (typeof eventSchemas)[number]): string {
  const { properties = {}, required = [], description = '' } = z.toJSONSchema(schema) as Property;
  const { type, at: _, ...fields } = properties;
  const table = Object.keys(fields).length === 0 ? '' : rows(fields, required).join('\n');
  return `## ${type?.const ?? ''}

${description}

| Field | Type | Meaning |
| --- | --- | --- |
${table}
`;
}

export function eventsPage(): Promise<GeneratedPage> {
  const markdown = `# Events

With \`--json\` a command prints events, one JSON object a line, on standard output; the run log
(\`.installer/logs/RUN.jsonl\` in the product's folder) holds the same. This is version ${eventsVersion} of the schema, which
\`run.started\` names as \`version\`: a higher minor adds events and fields, so readers skip what they do not know; another
major is another format.

Commands that only answer (\`status\`, \`manifest\`, \`verify\`) and those that write payload files (\`extract\`, \`extract-file\`) print no events with \`--json\` but one
object, their answer, which has neither \`type\` nor \`at\`; operators.md and trust.md describe it. When they fail, an \`error\` event stands in its place, or
behind it where there is an answer all the same.

Every event has \`type\` and \`at\` (ISO 8601, UTC). The last one is \`result\` or \`error\`. The run log begins with a line of type
\`LOG\` (\`by\`, \`pid\`) for each start of the program, and ends with one of type \`RESULT\` (\`status\`, \`exitCode\`,
\`message\`); a log without it belongs to a run that was cut off or still goes on.

${eventSchemas.map(section).join('\n')}`;
  return generatedPage('events.md', 'scripts/events-page.ts', markdown);
}

if (import.meta.main) writePage(await eventsPage());
