import type * as z from 'zod';
import { activateSchema } from '../src/queries/activate-schema.ts';
import { backupEntrySchema, backupListSchema, prunedSchema } from '../src/queries/backup-schema.ts';
import { dumpNoteSchema } from '../src/queries/dump-schema.ts';
import { activationSchema } from '../src/release/activation-record.ts';
import { stateSchema, stateVersion } from '../src/engine/state.ts';
import { answersSchema } from '../src/flows/install/answers-file.ts';
import { resultSchemas } from '../src/flows/result-schemas.ts';
import { releaseDiffSchema } from '../src/queries/release-diff-schema.ts';
import { extractedFileSchema, extractedTreeSchema } from '../src/queries/extract-schema.ts';
import { runReportSchema } from '../src/report/report-schema.ts';
import { bundleSchema } from '../src/support/bundle-schema.ts';
import { licenseSchema } from '../src/queries/license-schema.ts';
import { manifestSchema } from '../src/queries/manifest-schema.ts';
import { statusSchema } from '../src/queries/status-schema.ts';
import { verifySchema } from '../src/queries/verify-schema.ts';
import { keptDataSchema } from '../src/release/kept-data.ts';
import { generatedPage, type GeneratedPage, writePage } from './generated-page.ts';
import { fieldList } from './schema-fields.ts';

/**
 * `node scripts/json-page.ts` writes docs/json.md from the schemas against which tests hold the answers of
 * commands.
 */

const section = (title: string, about: string, schema: z.ZodType) =>
  [`## ${title}`, about, fieldList(schema, { closed: ['state'] })].filter((part) => part !== '').join('\n\n');

const sections = [
  section('`manifest`', 'Sizes are bytes, digests `sha256:HEX`, other hashes hexadecimal.', manifestSchema),
  section('`manifest --diff FILE`', "From FILE's release to this file's.", releaseDiffSchema),
  section('`status`', '`state.value` is described [below](#the-state).', statusSchema),
  section(
    'The state',
    `\`.installer/state.json\` in the product's folder, schema ${stateVersion.major}.${stateVersion.minor},
    and \`state.value\` of \`status\`. Times are ISO 8601 in UTC. Read it, but never edit it:
    \`repair-state\` writes it again.`,
    stateSchema,
  ),
  section(
    '`verify`',
    'When the verdict is no, the evidence is still printed, and an `error` event follows on ' +
      'the next line.',
    verifySchema,
  ),
  section(
    '`license-check`',
    'When the licence is not enough, the answer is still printed, and an `error` event follows on the ' +
      'next line.',
    licenseSchema,
  ),
  section(
    '`report --format json`',
    'What the page of a run shows. Whatever the log does not say is `null`, and named in `missing`.',
    runReportSchema,
  ),
  section('`support-bundle`', '', bundleSchema),
  section('`extract-file`', '', extractedFileSchema),
  section('`extract`', '', extractedTreeSchema),
  section('`activate`', '', activateSchema),
  section(
    'The record of `activate`',
    "`.installer/activation.json` in the product's folder; absent where nothing is on PATH.",
    activationSchema,
  ),
  section('`backup`, `backup verify`', 'The backup that was taken or verified.', backupEntrySchema),
  section('`backup list`', '', backupListSchema),
  section('`backup prune`', '', prunedSchema),
  section('`ivaap_pgdump`', 'Also the file `FILE.json` beside the dump.', dumpNoteSchema),
  section('Result of `install`', '', resultSchemas.install),
  section(
    'The file of `install --answers`',
    'Also what `install --print-answers` prints, as YAML; with `--json` it is one object.',
    answersSchema,
  ),
  section('Result of `install --upgrade`', '', resultSchemas.upgrade),
  section('Result of `install --rollback-to`', '', resultSchemas.rollback),
  section('Result of `uninstall`', '', resultSchemas.uninstall),
  section(
    'The record of kept data',
    '`NAME.kept.json` beside the data folder that `uninstall --keep-data` keeps, readable by root only.',
    keptDataSchema,
  ),
  section(
    'Result of `--dry-run`',
    'The plan of an install, an upgrade or an uninstall. If the run would be refused, an `error` event ' +
      'follows.',
    resultSchemas.plan,
  ),
  section('Result of `--preflight-only`', '', resultSchemas.preflight),
  section('Result of `repair-state`', '', resultSchemas.repair),
  section('Result of `status --watch`', '', resultSchemas.watch),
];

export function jsonPage(): Promise<GeneratedPage> {
  const markdown = `# JSON

What \`--json\` prints on standard output:

| Command                         | Prints                                                                      |
| ------------------------------- | --------------------------------------------------------------------------- |
| \`install\`, \`repair-state\`       | [events](events.md), one a line; the last one is \`result\` or \`error\`        |
| \`status --watch\`                | the same, of the run that is watched                                        |
| \`license-check\`, \`manifest\`, \`report\`, \`status\`, \`verify\` | one object, the answer                     |
| \`extract\`, \`extract-file\`       | one object, what was written                                                |
| \`activate\`, \`backup\`, \`ivaap_pgdump\` | one object, what was done                                           |
| any of them, when it fails      | an [\`error\`](events.md#error) event, in place of the answer or behind it    |

Fields may be added: a reader skips those that it does not know. An optional field may be absent.

A field that is \`known\` is an object: \`{"known": true, "value": ...}\` with the answer, or
\`{"known": false, "why": ..., "hint": ...}\` with why there is none and, sometimes, a command to try. No
answer is never a value: not 0, not empty, not "unchanged".

${sections.join('\n\n')}
`;
  return generatedPage('json.md', 'scripts/json-page.ts', markdown);
}

if (import.meta.main) writePage(await jsonPage());
