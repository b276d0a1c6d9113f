import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf } from '../cluster.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { fqdn } from '../host.ts';
import type { Finished } from '../../lab/process.ts';

/**
 * Upgrades that can no longer succeed: Helm's own limit is twenty minutes, and its rollback would wait as
 * long. Each is measured by how long the product's administration does not answer.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const probes = '/root/probes';

/** Runs beside the upgrade, once Helm is at work. */
const onceHelmWorks = (script: string) => `
  state=/opt/ivaap/.installer/state.json
  until grep -A1 '"upgrade_helm": {' $state | grep -q '"status": "running"'; do sleep 0.1; done
  ${script}`;

async function beside(host: TestHost, script: string): Promise<void> {
  await host.writeFile('/root/beside.sh', script);
  await host.shell('setsid --fork bash -u /root/beside.sh >/root/beside.log 2>&1 </dev/null; sleep 0', {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' },
  });
}

/** Asks the administration twice a second until the file is removed. */
const probeLoop = `
  touch ${probes}
  while [ -e ${probes} ]; do
    code=$(curl -s -o /dev/null -m 2 -w '%{http_code}' -H 'Host: ${fqdn}' http://127.0.0.1/admin/health || true)
    echo "$(date +%s.%N) $code" >> ${probes}
    sleep 0.5
  done &`;

/** Seconds from the first wrong answer to the last. */
async function downtime(host: TestHost): Promise<number> {
  const { stdout } = await host.shell(`mv ${probes} ${probes}.read; cat ${probes}.read`);
  const failed = stdout
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.endsWith(' 200'))
    .map((line) => Number(line.split(' ')[0]));
  return failed.length === 0 ? 0 : (failed.at(-1) ?? 0) - (failed[0] ?? 0);
}

/** With what was printed meanwhile. */
async function upgrade(host: TestHost): Promise<Finished & { output: string }> {
  const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 560_000 });
  return { ...result, output: `${result.stdout}${result.stderr}` };
}

/**
 * 2026.1 runs again and answers. Whether Helm's record says the same is a race of Helm's: a rollback that
 * reads a deadline that passed before it started gives up, though all of it comes up.
 */
function assertBack({ code, output }: Finished & { output: string }): void {
  assert.ok(code === 7 || code === 6, `exit ${code}\n${output}`);
  assert.match(
    output,
    code === 7
      ? /error: .*Helm rolled the release back to 2026\.1, and it answers\. The database schema is unchanged/
      : /error: .*All workloads of 2026\.1 run and are ready, but Helm's record does not say so .*The product answers\. The database schema is unchanged/,
  );
}

const k3s = 'bash /usr/local/lib/lab/node/k3s';

test('what can no longer succeed ends Helm’s wait: told, given its grace, then rolled back', async (t) => {
  await withHost('installed-2026.1', 25, async (host) => {
    const chapter = chapters(t, host);
    await host.shell(`sed -i -E "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 'false'|" ${valuesFile}`);

    await chapter('an image that is nowhere', async () => {
      // Helm takes a StatefulSet that never comes for one that is still on its way.
      const remove = `${k3s} ctr --address /run/k3s/containerd/containerd.sock --namespace k8s.io \\
        images rm registry.ivaap.example/ivaap/postgres:2026.2`;
      await beside(host, `${probeLoop}\n${onceHelmWorks(remove)}\nwait`);
      const result = await upgrade(host);
      t.diagnostic(result.output);
      assertBack(result);
      assert.match(result.output, /StatefulSet\/postgres: postgres: \w*Image\w*: .*it has 90 s to recover/);
      assert.match(
        result.output,
        /StatefulSet\/postgres cannot become ready .*Helm is asked to stop and rolls back/,
      );
      assert.equal(result.stderr.match(/ImagePullBackOff/g)?.length, 1, 'the cause is told once');
      assert.match(result.stderr, /not known: whether .*Deployment\/adminserver.* would be ready/);
      const seconds = await downtime(host);
      t.diagnostic(
        `administration away for ${Math.round(seconds)} s; with Helm's own limit 1200 s and its rollback`,
      );
      assert.ok(seconds > 60 && seconds < 240, `${seconds} s`);
      await assertImagesOf(host, '2026.1');
    });

    await chapter(
      'a node that takes no pods: told while it can still be mended, and the rollback heals with it',
      async () => {
        await beside(
          host,
          `${probeLoop}\n${onceHelmWorks(`node=$(${k3s} kubectl get nodes -o name | cut -d/ -f2)
          ${k3s} kubectl cordon $node
          until ${k3s} kubectl get secrets -n ivaap -l owner=helm,status=pending-rollback -o name | grep -q .; do sleep 1; done
          ${k3s} kubectl uncordon $node`)}\nwait`,
        );
        const result = await upgrade(host);
        t.diagnostic(result.output);
        assertBack(result);
        assert.match(result.output, /no node accepts it: .*unschedulable.*it has 90 s to recover/);
        assert.match(result.output, /try: Make a node accept the pods/);
        const seconds = await downtime(host);
        t.diagnostic(
          `administration away for ${Math.round(seconds)} s; with Helm's own limit 1200 s and its rollback`,
        );
        assert.ok(seconds < 300, `${seconds} s`);
      },
    );

    await chapter('the same command ends well once the causes are gone', async () => {
      await host.untilHealthy(120);
      await assertExit(host, await upgrade(host), 0, 'the same command');
      await host.untilHealthy();
      await assertImagesOf(host, '2026.2');
    });
  });
});
