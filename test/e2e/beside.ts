import type { TestHost } from './host.ts';

/** What happens on a host beside a run. */

export const k3s = 'bash /usr/local/lib/lab/node/k3s';

/** Starts a script that nobody waits for; what it says is in /root/beside.log. */
export async function beside(host: TestHost, script: string): Promise<void> {
  await host.writeFile('/root/beside.sh', script);
  await host.shell('setsid --fork bash -u /root/beside.sh >/root/beside.log 2>&1 </dev/null; sleep 0', {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' },
  });
}

/** Kills Helm, and nothing else, as soon as the database says that it was migrated. */
export const killHelmOnceMigrated = `
  asked="until [ \\"\\$(psql -U postgres -d ivaapdb -Atqc 'SELECT max(version) FROM schema_migrations')\\" = 5 ]; do sleep 0.05; done"
  until ${k3s} kubectl exec -n ivaap postgres-0 -c postgres -- sh -c "$asked"; do sleep 0.2; done
  for pid in $(grep -lsaE 'helm.upgrade' /proc/[0-9]*/cmdline | cut -d/ -f3); do
    if [ "$pid" != $$ ] && [ "$(cat /proc/$pid/comm)" != bash ]; then kill -9 $pid; echo "killed $pid"; fi
  done`;
