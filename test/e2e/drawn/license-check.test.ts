import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finished } from '../../lab/process.ts';
import { licenseText } from '../golden.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * The licence on an installed host, from the folder of the new package: the installed one, one of FlexNet
 * whose server is a listener on loopback, and one that lost what runs.
 */

const port = 27_123;
const signature = 'SIGNATURE-0011223344556677';

const flexnet = (feature: string, address = '127.0.0.1') =>
  `SERVER ${address} ANY ${port}\r\nVENDOR acmed\r\n` +
  `FEATURE ${feature} acmed 2026.2 31-dec-2090 5 \\\r\n  SIGN="${signature}"\r\n`;

/** Accepts connections and says nothing, as far as anybody sees who only connects. */
const listener = `
import socket
sockets = []
for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    try:
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, ${port}))
        one.listen(16)
        sockets.append(one)
    except OSError:
        pass
import select
while True:
    for one in select.select(sockets, [], [])[0]:
        one.accept()[0].close()
`;

async function startListener(host: TestHost): Promise<void> {
  await host.writeFile('/root/listener.py', listener);
  await host.shell(
    'setsid --fork python3 /root/listener.py >/root/listener.log 2>&1 </dev/null; sleep 0; ' +
      `for try in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && exit 0; ` +
      'sleep 0.1; done; exit 1',
  );
}

const stopListener = (host: TestHost) =>
  host.shell(
    'kill $(grep -lsa listener.py /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do ' +
      '[ "$(cat /proc/$pid/comm)" = python3 ] && echo "$pid"; done)',
  );

interface Report {
  ok: boolean;
  server: string;
  entitlements: { entitlement: string; status: string; enabled: boolean; needed: boolean }[];
}

async function check(host: TestHost, exit: number, args: readonly string[] = []): Promise<Report> {
  const result = await host.ivaap('2026.2', ['license-check', '--json', ...args]);
  await assertExit(host, result, exit, `license-check ${args.join(' ')}`);
  assert.ok(!(result.stdout + result.stderr).includes(signature));
  return JSON.parse(result.stdout.split('\n')[0] ?? '') as Report;
}

const statusOf = ({ entitlements }: Report) =>
  Object.fromEntries(entitlements.map(({ entitlement, status }) => [entitlement, status]));

async function replaceLicense(host: TestHost, text: string): Promise<void> {
  await host.writeFile('/root/next.lic', text, '0600');
  // As the page about the licence has it.
  await host.shell(
    'printf \'{"data":{"license.json":"%s"}}\' "$(base64 -w0 /root/next.lic)" | ' +
      'bash /usr/local/lib/lab/node/k3s kubectl patch secret ivaap-license -n ivaap --type merge ' +
      '--patch-file /dev/stdin',
  );
}

const failedChecks = ({ stdout }: Finished) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; results?: { id: string; status: string }[] })
    .flatMap(({ results = [] }) => results)
    .filter(({ status }) => status === 'fail')
    .map(({ id }) => id);

test('license-check before an upgrade, with a server and without, and what preflight makes of it', async (t) => {
  await withHost('installed-2026.1', 10, async (host) => {
    const chapter = chapters(t, host);

    await chapter('the installed licence is enough for what runs', async () => {
      const report = await check(host, 0);
      assert.deepEqual(statusOf(report), {
        IVAAP_CONNECTOR_WITSML: 'granted',
        IVAAP_CONNECTOR_PPDM: 'missing',
      });
      const ppdm = report.entitlements.find(({ entitlement }) => entitlement === 'IVAAP_CONNECTOR_PPDM');
      assert.deepEqual([ppdm?.enabled, ppdm?.needed], [false, false]);
    });

    await chapter('a licence of FlexNet is enough only while its server is reached', async () => {
      await host.writeFile('/root/new.lic', flexnet('IVAAP_CONNECTOR_WITSML'), '0600');
      const args = ['--license', '/root/new.lic'];
      assert.equal((await check(host, 3, args)).server, 'unreachable');
      await startListener(host);
      const reached = await check(host, 0, args);
      assert.equal(reached.server, 'reachable');
      assert.equal(statusOf(reached)['IVAAP_CONNECTOR_WITSML'], 'granted');
      await host.writeFile('/root/six.lic', flexnet('IVAAP_CONNECTOR_WITSML', '::1'), '0600');
      const six = await host.ivaap('2026.2', ['license-check', '--license', '/root/six.lic']);
      assert.match(six.stdout, new RegExp(`${port}@::1`));
      const name = `${'a'.repeat(64)}.example`;
      await host.writeFile('/root/name.lic', flexnet('IVAAP_CONNECTOR_WITSML', name), '0600');
      const unnamed = await host.ivaap('2026.2', ['license-check', '--license', '/root/name.lic']);
      await assertExit(host, unnamed, 3, 'a name that does not resolve');
      assert.match(unnamed.stderr, /the name does not resolve[^]*try: getent ahosts a{64}\.example/);
    });

    await chapter('a user without root can check a file, and is told what needs root', async () => {
      await host.shell('install -m 0644 /root/new.lic /tmp/new.lic');
      const under = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const checked = await host.ivaap('2026.2', ['license-check', '--license', '/tmp/new.lic'], { under });
      // PPDM is missing, and it is not known that nobody runs it.
      await assertExit(host, checked, 3, 'without root');
      assert.match(checked.stdout, /enabled connectors not known/);
      const installed = await host.ivaap('2026.2', ['license-check'], { under });
      await assertExit(host, installed, 3, 'the installed licence without root');
      assert.match(installed.stderr, /try: sudo .*\/ivaap license-check|try: sudo \.\/ivaap license-check/);
    });

    await chapter('preflight of the upgrade says the same of the installed licence', async () => {
      const preflight = ['install', '--upgrade', '--preflight-only', '--json'];
      await replaceLicense(host, flexnet('IVAAP_CONNECTOR_WITSML'));
      await assertExit(host, await host.ivaap('2026.2', preflight), 0, 'preflight with a server');
      await stopListener(host);
      const unreached = await host.ivaap('2026.2', preflight);
      await assertExit(host, unreached, 3, 'preflight without a server');
      assert.deepEqual(failedChecks(unreached), ['license:server']);
      await replaceLicense(host, '{"entitlements":[]}');
      const lost = await host.ivaap('2026.2', preflight);
      await assertExit(host, lost, 3, 'preflight with a licence that lost what runs');
      assert.deepEqual(failedChecks(lost), ['license:IVAAP_CONNECTOR_WITSML']);
    });

    await chapter('a waived upgrade loads the connector’s images and leaves it switched on', async () => {
      const values = await host.readFile('/opt/ivaap/ivaap.values.yaml');
      const upgrade = ['install', '--upgrade', '--waive', 'license=the new one is on its way'];
      const result = await host.ivaap('2026.2', upgrade, { timeoutMs: 400_000 });
      await assertExit(host, result, 0, 'the upgrade');
      assert.equal(await host.readFile('/opt/ivaap/ivaap.values.yaml'), values);
      await host.until('the connector runs in its new version', 60, async () => {
        const pods = JSON.stringify(await host.getJson('pods', '-l', 'app=connector-witsml'));
        return pods.includes('2026.2') ? true : undefined;
      });
      assert.equal((await readState(host)).installed?.version, '2026.2');
      await replaceLicense(host, licenseText);
      await check(host, 0);
    });
  });
});
