import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import { before, test } from 'node:test';
import { executable } from './executables.ts';
import { differences, fingerprint } from './fingerprint.ts';
import { assertExit, withHost } from './harness.ts';
import type { TestHost } from './host.ts';
import { refusals } from './refusal-rows.ts';
import type { Refusal } from './refusal-rows.ts';
import { typeAtTerminal } from './typed.ts';

/**
 * Everything that is refused: exit code, message with hint, and nothing changed. One host serves all rows.
 */

async function refusalOf(host: TestHost, program: string, row: Refusal): Promise<string> {
  const { under } = row;
  const result = await host.typeProgram(program, row.argv, under === undefined ? {} : { under });
  await assertExit(host, result, row.exit, row.name);
  return result.stderr;
}

async function declined(host: TestHost, program: string, row: Refusal, answer: string): Promise<string> {
  const line = [`./${basename(program)}`, ...row.argv].join(' ');
  using terminal = typeAtTerminal(host, line, { folder: dirname(program) });
  await terminal.answer(/\[y\/N\] /, answer);
  assert.equal(await terminal.exitCode(), row.exit, `${row.name}\n${terminal.text}`);
  return terminal.text;
}

async function refuse(host: TestHost, row: Refusal): Promise<void> {
  const back = await row.prepare?.(host);
  try {
    const was = await fingerprint(host);
    const program = row.program ?? (await host.package(row.version ?? '2026.2'));
    const said = await (row.answer === undefined
      ? refusalOf(host, program, row)
      : declined(host, program, row, row.answer));
    assert.match(said, row.message);
    assert.match(said.slice(said.search(/^try: /m)), row.hint, `a hint in: ${said}`);
    assert.equal(differences(was, await fingerprint(host)), '', 'nothing has changed');
  } finally {
    if (back !== undefined) {
      await back();
      await host.untilHealthy();
    }
  }
}

test('what is refused changes nothing', async (t) => {
  before(async () => {
    for (const version of new Set(refusals.map(({ version = '2026.2' }) => version)))
      await executable(version);
  });
  await withHost('installed-2026.1', 20, async (host) => {
    const base = await fingerprint(host);
    for (const row of refusals) await t.test(row.name, () => refuse(host, row));
    await t.test('after all of it the host is as it was', async () => {
      await host.untilHealthy();
      assert.equal(differences(base, await fingerprint(host)), '');
    });
  });
});
