import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { executable } from '../e2e/executables.ts';
import { differences, fingerprint } from '../e2e/fingerprint.ts';
import { chapters } from '../e2e/harness.ts';
import { readState } from '../e2e/state.ts';
import { unpackedPrograms } from './control-machine.ts';
import { Fleet, withFleet } from './lab-fleet.ts';
import type { SshHost } from './ssh-host.ts';

/**
 * The playbook of docs/fleet.md, played by Ansible over ssh against three hosts: nothing starts while one of
 * them fails preflight, the first failure stops what follows, and no upgrade is lost with its connection or
 * with the control machine.
 */

const names = ['alpha', 'beta', 'gamma'] as const;
const everywhere = <T>(ask: (name: (typeof names)[number]) => T) =>
  Object.fromEntries(names.map((name) => [name, ask(name)]));

test('three hosts are upgraded from one file, in turn, or not at all', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  const programs = await unpackedPrograms();
  const file = await executable('2026.2');
  try {
    await withFleet(names, { programs, folder }, async (hosts) => {
      const [alpha, beta, gamma] = hosts as [SshHost, SshHost, SshHost];
      const fleet = new Fleet(hosts, { programs, folder, file });
      const chapter = chapters(t, alpha.host);
      const installed = () => Promise.all(hosts.map(async ({ host }) => (await readState(host)).installed));
      const versions = async () => (await installed()).map((release) => release?.version);
      const cordon = (host: SshHost) =>
        host.host.shell('bash /usr/local/lib/lab/node/k3s kubectl cordon k3s-node');

      await chapter('one host that fails preflight keeps all at the old version', async () => {
        await cordon(beta);
        const was = await Promise.all(hosts.map(({ host }) => fingerprint(host)));
        const { code, stdout } = await fleet.play('refused').ended;
        t.diagnostic(fleet.summary('refused'));
        assert.equal(code, 2, stdout);
        assert.deepEqual(
          fleet
            .report('refused')
            .map(({ host, outcome, before, after, target, exitCode, code }) => [
              host,
              outcome,
              before,
              after,
              target,
              exitCode,
              code,
            ]),
          [
            ['alpha', 'checked', '2026.1', '2026.1', '2026.2', 0, null],
            ['beta', 'refused', '2026.1', '2026.1', '2026.2', 3, 'preflight'],
            ['gamma', 'checked', '2026.1', '2026.1', '2026.2', 0, null],
          ],
        );
        assert.deepEqual(fleet.line('refused', 'beta').failedChecks, ['schedule:k3s-node']);
        assert.match(fleet.summary('refused'), /^beta +refused +2026\.1 +2026\.1 +3 +schedule:k3s-node$/m);
        assert.match(fleet.summary('refused'), /^ +try: \S*k3s kubectl uncordon k3s-node$/m);
        assert.match(stdout, /beta +refused +2026\.1/, 'the table is printed, too');
        assert.equal(readFileSync(join(folder, 'refused/again.txt'), 'utf8'), 'alpha\nbeta\ngamma\n');
        assert.doesNotMatch(stdout, /PLAY \[Upgrade/);
        for (const [at, { name, host }] of hosts.entries()) {
          assert.equal(differences(was[at] ?? [], await fingerprint(host)), '', name);
        }
      });

      await chapter(
        'mended as the report says, one that cannot be reached keeps all back as well',
        async () => {
          const [fix = ''] = fleet.line('refused', 'beta').hint?.split('\n') ?? [];
          assert.match(fix, /^\S*k3s kubectl uncordon /);
          await beta.host.shell(fix, { env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
          gamma.cut();
          const { code, stdout } = await fleet.play('cut-off').ended;
          assert.equal(code, 2, stdout);
          const { outcome, exitCode, message } = fleet.line('cut-off', 'gamma');
          assert.deepEqual([outcome, exitCode], ['unreachable', null]);
          assert.match(message ?? '', /cannot be reached/);
          assert.equal(fleet.outcomes('cut-off')['beta'], 'checked');
          assert.deepEqual(await versions(), ['2026.1', '2026.1', '2026.1']);
          await gamma.listen();
        },
      );

      await chapter('the first host that fails in its turn stops the batches behind it', async () => {
        const playing = fleet.play('stopped');
        await fleet.until('all are checked', () => fleet.outcomes('stopped')['gamma'] === 'checked');
        await cordon(alpha);
        const { code, stdout } = await playing.ended;
        t.diagnostic(fleet.summary('stopped'));
        assert.equal(code, 2, stdout);
        const { outcome, exitCode, failedChecks } = fleet.line('stopped', 'alpha');
        assert.deepEqual([outcome, exitCode, failedChecks], ['failed', 3, ['schedule:k3s-node']]);
        assert.equal(fleet.outcomes('stopped')['beta'], 'checked');
        assert.equal(fleet.outcomes('stopped')['gamma'], 'checked');
        assert.deepEqual(await versions(), ['2026.1', '2026.1', '2026.1']);
        await alpha.host.shell('bash /usr/local/lib/lab/node/k3s kubectl uncordon k3s-node');
      });

      const begins = ({ name, host }: SshHost) =>
        host.until(`the upgrade of ${name} runs`, 600, async () =>
          (await readState(host)).run?.to === '2026.2' ? true : undefined,
        );

      await chapter(
        'a play that is killed leaves an upgrade that goes on, and a report that says so',
        async () => {
          const playing = fleet.play('killed');
          await begins(alpha);
          playing.kill();
          assert.equal((await playing.ended).code, null);
          assert.deepEqual(fleet.outcomes('killed'), { alpha: 'unknown', beta: 'checked', gamma: 'checked' });
          assert.match(fleet.line('killed', 'alpha').message ?? '', /its result was not seen/);
        },
      );

      await chapter('the same play waits for it, and a lost connection ends no upgrade', async () => {
        const playing = fleet.play('upgraded', [
          '--limit',
          `@${join(folder, 'killed/again.txt')}`,
          '-e',
          JSON.stringify({ ivaap_batches: [1, 2] }),
        ]);
        await begins(beta);
        beta.cut();
        await sleep(12_000);
        await beta.listen();
        const { code, stdout } = await playing.ended;
        t.diagnostic(fleet.summary('upgraded'));
        assert.equal(code, 0, stdout);
        assert.deepEqual(fleet.outcomes('upgraded'), {
          alpha: 'up to date',
          beta: 'upgraded',
          gamma: 'upgraded',
        });
        for (const { before, after } of fleet.report('upgraded').slice(1)) {
          assert.deepEqual([before, after], ['2026.1', '2026.2']);
        }
        assert.equal(readFileSync(join(folder, 'upgraded/again.txt'), 'utf8'), '!all\n');
        const log = readFileSync(join(folder, 'upgraded/beta.upgrade.jsonl'), 'utf8').trim().split('\n');
        assert.equal((JSON.parse(log.at(-1) ?? '') as { type: string }).type, 'result');
      });

      await chapter('every host is whole: one run, each step once, one batch after the other', async () => {
        assert.deepEqual(await versions(), ['2026.2', '2026.2', '2026.2']);
        const runs = await Promise.all(hosts.map(async ({ host }) => (await readState(host)).run));
        for (const run of runs) {
          assert.equal(run?.status, 'completed');
          assert.deepEqual(
            Object.values(run.steps).map(({ attempts }) => attempts),
            run.order.map(() => 1),
          );
        }
        for (const run of runs.slice(1)) {
          assert.ok((runs[0]?.finishedAt ?? '') <= (run?.startedAt ?? ''), 'alpha ends first');
        }
        for (const { host } of hosts) {
          const { count, schema } = await host.wells.list();
          assert.deepEqual([count, schema], [1000, 5]);
        }
        const left = await gamma.host.run(['bash', '-c', 'grep -l async_[w]rapper /proc/[0-9]*/cmdline']);
        assert.equal(left.stdout, '');
      });

      await chapter('with none left, the file of those that are left names nobody', async () => {
        const { code, stderr } = await fleet.play('nobody', [
          '--limit',
          `@${join(folder, 'upgraded/again.txt')}`,
        ]).ended;
        assert.equal(code, 1);
        assert.match(stderr, /no hosts to target/);
        assert.deepEqual(fleet.report('nobody'), []);
      });

      await chapter('a play of the checks alone finds nothing to do, and ends there', async () => {
        const was = await installed();
        const { code, stdout } = await fleet.play('once-more', ['--tags', 'preflight']).ended;
        assert.equal(code, 0, stdout);
        assert.deepEqual(
          fleet.outcomes('once-more'),
          everywhere(() => 'up to date'),
        );
        assert.deepEqual(
          fleet.report('once-more').map(({ exitCode }) => exitCode),
          [0, 0, 0],
        );
        assert.deepEqual(await installed(), was);
        // Ansible names the play of the upgrades also where none of its tasks runs.
        assert.doesNotMatch(stdout.slice(stdout.indexOf('PLAY [Upgrade')), /TASK \[/);
        assert.ok(!existsSync(join(folder, 'once-more/alpha.preflight.jsonl')));
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
