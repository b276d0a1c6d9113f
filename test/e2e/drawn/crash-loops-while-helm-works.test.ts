import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { Finished } from '../../lab/process.ts';
import {
  assertOldReleaseRuns,
  causesOf,
  count,
  kubectl,
  setAutoMigrate,
  templates,
  upgradeHarmed,
} from '../while-helm-works.ts';

/**
 * Pods of the new release that end again and again, or cannot log in: which of them is given up, and which
 * heals in time.
 */

const backend = `${templates}/backend.yaml`;
/** The backend's container runs this instead; sed reads a backslash as its own. */
const runsInstead = (script: string) =>
  `sed -i '0,/^ *imagePullPolicy/s||          command: ["/usr/bin/node", "-e", ` +
  `${JSON.stringify(script).replaceAll('\\', '\\\\')}]\\n&|' ${backend}`;
const volume = '\\n        - { name: count, emptyDir: {} }';
const mount = '\\n            - { name: count, mountPath: /count }';
/** Ends twice, counted in a folder that outlives the container, then serves. */
const endsTwice = `
sed -i '0,/^ *volumes:/s||&${volume}|; 0,/^ *volumeMounts:/s||&${mount}|' ${backend}
${runsInstead(
  [
    'const fs = require("fs")',
    'fs.appendFileSync("/count/n", "x")',
    'if (fs.readFileSync("/count/n").length <= 2) { ' +
      'console.error("no licence server yet"); process.exit(3) }',
    'require("/app/main.cjs")',
  ].join('; '),
)}`;

const setPassword = (password: string) =>
  `${kubectl} exec -n ivaap postgres-0 -c postgres -- psql -U postgres ` +
  `-d ivaapdb -qc "ALTER ROLE ivaap PASSWORD '${password}'"`;
const rightPassword = `password=$(${kubectl} get secret ivaap-database -n ivaap -o jsonpath='{.data.password}' | base64 -d)
until ${setPassword('$password')}; do sleep 1; done`;

/** A cause's lines stand together: what is wrong, its probe, its event, its last words. */
function assertInOrder({ stderr }: Finished, lines: readonly RegExp[]): void {
  const all = stderr.split('\n');
  let at = -1;
  for (const line of lines) {
    const found = all.findIndex((text, place) => place > at && line.test(text));
    assert.notEqual(found, -1, `${line} behind line ${at} of:\n${stderr}`);
    at = found;
  }
}

test('a crash loop and a wrong password end Helm’s wait with the pod’s own words; two restarts do not', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();
    await host.shell(setAutoMigrate('false'));

    await chapter('a container that ends again and again, with exit code 0', async () => {
      const harm = runsInstead('console.log("no entitlement, nothing to do")');
      const result = await upgradeHarmed(host, { harm });
      t.diagnostic(result.output);
      await assertExit(host, result, 7, 'an upgrade whose backend ends again and again');
      assert.match(result.output, /Deployment\/backend: backend: ended with exit code 0.*to recover/);
      assertInOrder(result, [
        /Deployment\/backend: backend: ended with exit code 0, restarted \d+ times/,
        /log: no entitlement, nothing to do/,
      ]);
      assert.equal(count(causesOf(result), 'ended with exit code 0'), 1, 'one cause, once');
      assert.ok(result.seconds < 480, `${result.seconds} s`);
      await assertOldReleaseRuns(host, wells);
    });

    await chapter('a password that is wrong in the database', async () => {
      await host.shell(setAutoMigrate('true'));
      const result = await upgradeHarmed(host, { harm: setPassword('other'), heal: rightPassword });
      t.diagnostic(result.output);
      await assertExit(host, result, 7, 'an upgrade whose pods cannot log in');
      assertInOrder(result, [
        /Deployment\/adminserver: adminserver: runs but is not ready/,
        /probe: Readiness probe failed: HTTP probe failed with statuscode: 503/,
        /log: .*password authentication failed for user "ivaap"/,
      ]);
      assert.ok(result.seconds < 480, `${result.seconds} s`);
      await assertOldReleaseRuns(host, wells);
    });

    await chapter('a container that ends twice and then serves is waited for', async () => {
      const result = await upgradeHarmed(host, { harm: endsTwice });
      t.diagnostic(result.output);
      await assertExit(host, result, 0, 'an upgrade whose backend ends twice');
      assert.match(result.output, /Deployment\/backend: backend: ended with exit code 3.*to recover/);
      assert.doesNotMatch(result.output, /cannot become ready/);
      await host.untilHealthy();
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });
  });
});
