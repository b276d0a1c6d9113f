import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { extractedFileSchema, extractedTreeSchema } from '../../src/queries/extract-schema.ts';
import { licenseSchema } from '../../src/queries/license-schema.ts';
import { manifestSchema } from '../../src/queries/manifest-schema.ts';
import { releaseDiffSchema } from '../../src/queries/release-diff-schema.ts';
import { statusSchema } from '../../src/queries/status-schema.ts';
import { verifySchema } from '../../src/queries/verify-schema.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/** What the executable prints with `--json` is what docs/json.md says: no field more, none less. */

const executable = builtExecutable();
const payload = await makeTinyPayload({ executable });
const later = await makeTinyPayload({ executable, version: '2026.2' });
const work = mkdtempSync(join(tmpdir(), 'json-answers-'));
after(() => {
  payload.remove();
  later.remove();
  rmSync(work, { recursive: true });
});

const license = join(work, 'license.lic');
writeFileSync(license, 'FEATURE TINY_CONNECTOR d 1 permanent uncounted SIGN=00\n');

const answers: [z.ZodType, ...args: string[]][] = [
  [manifestSchema, 'manifest'],
  [manifestSchema, 'manifest', '--deep'],
  [releaseDiffSchema, 'manifest', '--diff', later.path],
  [statusSchema, 'status'],
  [licenseSchema, 'license-check', '--license', license],
  // Not granted: the answer is in front of the error.
  [licenseSchema, 'license-check', '--license', '27000@127.0.0.1'],
  [verifySchema, 'verify'],
  [verifySchema, 'verify', '--full'],
  // Not trusted, since nobody signed it: the answer is in front of the error.
  [verifySchema, 'verify', later.path],
  [extractedFileSchema, 'extract-file', 'docker-images.tar.gz', join(work, 'archive')],
  [extractedTreeSchema, 'extract', join(work, 'tree')],
];

for (const [schema, ...args] of answers) {
  const words = args.filter((word) => !word.startsWith('/'));
  test(words.join(' '), async () => {
    const { stdout } = await runProgram([payload.path, ...args, '--json']);
    const [answer = ''] = stdout.split('\n');
    const { error } = schema.safeParse(JSON.parse(answer));
    assert.equal(error && z.prettifyError(error), undefined);
  });
}
