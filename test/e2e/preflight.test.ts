import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { differences, fingerprint } from './fingerprint.ts';
import { assertExit, chapters, withHost } from './harness.ts';
import type { TestHost } from './host.ts';
import { byShell, filled, stateFile } from './refusal-preparations.ts';
import { readState } from './state.ts';

/**
 * Preflight on a real host: nothing in the way, much in the way at once, damage that a run may fix, and
 * waivers.
 */

interface Result {
  id: string;
  status: string;
  measured: string;
  fix?: string;
  tolerated?: true;
}

async function report(
  host: TestHost,
  exit: number,
  flags: readonly string[] = [],
  under: readonly string[] = [],
): Promise<Result[]> {
  const argv = ['install', '--upgrade', '--preflight-only', '--json', ...flags];
  const result = await host.ivaap('2026.2', argv, { under });
  await assertExit(host, result, exit, `preflight ${flags.join(' ')}`);
  const events = result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; results?: Result[] });
  assert.equal(events.at(-1)?.type, exit === 0 ? 'result' : 'error');
  const found = events.find(({ type }) => type === 'preflight.report')?.results;
  assert.ok(found, 'there is a report');
  return found;
}

const failed = (results: readonly Result[]) =>
  results
    .filter(({ status }) => status === 'fail')
    .map(({ id }) => id)
    .sort();

/** A workload beside the product's whose only pod ends at once, again and again. */
const crashLoop = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: looping, namespace: ivaap }
spec:
  selector: { matchLabels: { app: looping } }
  template:
    metadata: { labels: { app: looping } }
    spec:
      containers:
        - { name: looping, image: 'docker.io/library/busybox:lab', imagePullPolicy: IfNotPresent, command: ['false'] }
`;

async function beginCrashLoop(host: TestHost): Promise<void> {
  const image = await host.shell(
    'bash /usr/local/lib/lab/node/k3s ctr images ls -q | grep -m1 library/busybox',
  );
  const text = crashLoop.replace('docker.io/library/busybox:lab', image.stdout.trim());
  await host.shell('bash /usr/local/lib/lab/node/k3s kubectl apply -f -', { input: text });
  await host.until('the pod crash-loops', 90, async () => {
    const pods = await host.getJson<object>('pods', '-l', 'app=looping');
    return JSON.stringify(pods).includes('CrashLoopBackOff') ? true : undefined;
  });
}

/** The ingress ends, and nothing is started again for the while. */
const ingressDead = byShell('touch /run/lab/hold; kill -9 $(cat /run/lab/traefik.pid)', 'rm /run/lab/hold');

/** A program that its command line calls a Helm at work on our release. */
const strangeHelm = byShell(
  `bash -c 'exec -a helm bash -c "while sleep 1; do :; done" ` +
    "upgrade ivaap' >/dev/null 2>&1 & echo $! > /root/helm.pid",
  'kill $(cat /root/helm.pid); rm /root/helm.pid',
);

/**
 * Starts an upgrade and kills it once its first step has started: all that is recorded of its start is
 * durable then.
 */
const killedRun = (flags: string) => `
  cd /opt/packages/ivaap-2026.2
  ./ivaap install --upgrade ${flags} > /root/out 2>&1 & pid=$!
  until jq -e '.run.to == "2026.2" and (.run.steps | length) > 0' ${stateFile} >/dev/null; do
    kill -0 $pid 2>/dev/null || { cat /root/out; exit 1; }
    sleep 0.05
  done
  kill -9 $pid; wait $pid || true`;

/**
 * The wall clock of one program alone; what measures durations stays, as when an administrator sets the
 * clock.
 */
const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
// The library would look again after ten seconds, and `ivaap` empties its environment.
const anHourBack = ['env', 'FAKETIME=-1h', 'FAKETIME_CACHE_DURATION=3600', 'DONT_FAKE_MONOTONIC=1'];

/**
 * For all programs of the host, which it changes nothing for without FAKETIME: ours re-executes itself where
 * LD_PRELOAD names a library.
 */
async function preloaded(host: TestHost): Promise<() => Promise<void>> {
  await host.writeFile('/etc/ld.so.preload', `${faketime}\n`, '0644');
  return async () => void (await host.shell('rm /etc/ld.so.preload'));
}

test('preflight says all that is in the way at once, and changes nothing', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);

    await chapter('a good host has nothing against an upgrade', async () => {
      const was = await fingerprint(host);
      const results = await report(host, 0);
      // Its values file has a key that 2026.2 names anew, which the upgrade takes over.
      assert.deepEqual(
        results.filter(({ status }) => status !== 'ok').map(({ id, status }) => `${id} ${status}`),
        ['release-notes:backend.units warn'],
      );
      assert.ok(results.length >= 22, `${results.length} results`);
      const { stdout } = await host.ivaap('2026.2', ['install', '--upgrade', '--preflight-only']);
      t.diagnostic(stdout);
      assert.match(stdout, /ok +room:\/opt\/ivaap +[\d.]+ GiB free on \/opt\/ivaap +2\.00 GiB needed/);
      assert.equal(differences(was, await fingerprint(host)), '');
    });

    await beginCrashLoop(host);

    await chapter(
      'what is wrong is named in one report with what fixes each, and nothing is changed',
      async () => {
        const undo = [
          await ingressDead(host),
          await strangeHelm(host),
          await filled('/opt/ivaap', 1536)(host),
          ...(existsSync(faketime) ? [await preloaded(host)] : []),
        ];
        const was = await fingerprint(host);
        const clock = existsSync(faketime);
        const under = clock ? anHourBack : [];
        const result = await host.ivaap('2026.2', ['install', '--upgrade'], { under });
        t.diagnostic(result.stdout + result.stderr);
        await assertExit(host, result, 3, 'an upgrade of a host with much in the way');
        const names = [
          /room:\/opt\/ivaap: 1\.(?:50|49) GiB free/,
          /helm-process: process \d+: helm/,
          /pods: looping-\S+ \(looping: (CrashLoopBackOff|exit code 1, restarted \d+ times)\)/,
          /ingress:backend: /,
          /ingress:admin: /,
          ...(clock ? [/clock: 3\d\d\d s behind/] : []),
        ];
        for (const name of names) assert.match(result.stdout, name);
        assert.match(
          result.stderr,
          new RegExp(`^error: ${names.length} of \\d+ checks failed, nothing was changed`, 'm'),
        );
        for (const line of [/FAIL +helm-process: /, /fix: .*tail --pid=\d+/, /why: /])
          assert.match(result.stdout, line);
        assert.equal(differences(was, await fingerprint(host)), '');
        for (const back of undo) await back();
        await host.untilHealthy();
      },
    );

    await chapter('a waiver lets one check pass, and is recorded with who, when and why', async () => {
      assert.deepEqual(failed(await report(host, 3)), ['pods']);
      const wrong = await host.ivaap('2026.2', ['install', '--upgrade', '--waive', 'versions=no matter']);
      await assertExit(host, wrong, 2, 'a waiver of a guard');
      assert.match(wrong.stderr, /versions.*cannot be waived[^]*can be waived: .*pods/);
      await host.shell(killedRun(`--waive 'pods=looping is not ours'`));
      const { waivers, run } = await readState(host);
      assert.deepEqual(
        waivers.map(({ id, reason, by, run: of }) => [id, reason, by, of]),
        [['pods', 'looping is not ours', 'olga', run?.id]],
      );
      const { stdout } = await host.ivaap('2026.2', ['status']);
      assert.match(stdout, /waived: pods \(looping is not ours\) by olga/);
    });

    await chapter('damage that a run may fix does not stop one that resumes', async () => {
      const back = await ingressDead(host);
      const results = await report(host, 0);
      const tolerated = results.filter((result) => result.tolerated === true).map(({ id }) => id);
      assert.deepEqual(tolerated.sort(), ['ingress:admin', 'ingress:backend', 'pods']);
      await back();
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 0, 'the run goes on beside a crash-looping pod');
      const { run, installed } = await readState(host);
      assert.equal(installed?.version, '2026.2');
      const recorded = run?.['preflight'] as { tolerant: boolean; checks: { id: string; status: string }[] };
      assert.equal(recorded.tolerant, true);
      assert.equal(recorded.checks.find(({ id }) => id === 'pods')?.status, 'warn');
      await host.untilHealthy();
    });
  });
});
