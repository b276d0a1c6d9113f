import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { executable } from './executables.ts';
import { differences, fingerprint } from './fingerprint.ts';
import { assertExit, withHost } from './harness.ts';
import type { TestHost } from './host.ts';
import { refusals } from './refusal-rows.ts';
import type { Refusal } from './refusal-rows.ts';

/**
 * Everything that is refused: exit code, message with hint, and nothing changed. One host serves all rows.
 */

async function refuse(host: TestHost, row: Refusal): Promise<void> {
  const back = await row.prepare?.(host);
  try {
    const was = await fingerprint(host);
    const program = row.program ?? (await host.package(row.version ?? '2026.2'));
    const result = await host.typeProgram(program, row.argv, {
      ...(row.under === undefined ? {} : { under: row.under }),
      ...(row.typed === undefined ? {} : { tty: true, input: row.typed }),
    });
    await assertExit(host, result, row.exit, row.name);
    const said = row.typed === undefined ? result.stderr : result.stdout;
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
