import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { fqdn } from '../host.ts';
import { licenseText } from '../golden.ts';

/**
 * Secrets never reach a child's argv or environment, nor output, logs and state. A tracer writes down every
 * program that is started below the executable, with arguments and environment in full: nothing short-lived
 * escapes it.
 */

const canary = 'kanarienvogel-4711-geheim';
/** Secrets that are words and numbers of ours as well: what we say must keep them, what we quote must not. */
const words = ['ivaap', 'fail', '2026', 'true', '12345678'];
const traces = '/root/traces';
const tracer = (name: string) => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-qq',
  '-v',
  '-s',
  '1000000',
  '-e',
  'trace=execve,execveat',
  '-e',
  'signal=none',
  '-o',
  `${traces}/${name}`,
];

/**
 * Where the canary is written in plain or in base64, among what the runs left behind. Backups are 0600 and
 * hold the data itself.
 */
async function sightings(host: TestHost): Promise<string[]> {
  const needles = [canary, ...[0, 1, 2].map((shift) => base64Core(canary, shift))];
  const patterns = needles.map((needle) => `-e ${needle}`).join(' ');
  const { stdout } = await host.shell(
    `grep -rlF ${patterns} ${traces} /root/said /opt/ivaap/.installer --exclude-dir=backups || true`,
  );
  return stdout.split('\n').filter((line) => line !== '');
}

/**
 * The part of a text's base64 that is the same whatever stands around it, for one of the three alignments.
 */
function base64Core(text: string, shift: number): string {
  const encoded = Buffer.from(`${'x'.repeat(shift)}${text}`)
    .toString('base64')
    .replaceAll('=', '');
  return encoded.slice(Math.ceil((shift * 8) / 6) + (shift === 0 ? 0 : 1), -2);
}

/** What of a run's log says what a thing is. */
const ownMembers = ['type', 'at', 'run', 'flow', 'from', 'to', 'step', 'task', 'program', 'argv', 'path'];

/** Members of ours in the logs that lost a word to the redactor. */
async function lostWords(host: TestHost): Promise<string[]> {
  const { stdout } = await host.shell('cat /opt/ivaap/.installer/logs/*.jsonl');
  const lines = stdout.split('\n').filter((line) => line !== '');
  assert.ok(lines.length > 100, `${lines.length} lines of log`);
  return lines.filter((line) => {
    const event = JSON.parse(line) as Record<string, unknown>;
    return ownMembers.some((name) => JSON.stringify(event[name] ?? '').includes('[redacted]'));
  });
}

test('a secret in values, Secret and licence is nowhere to be seen', async (t) => {
  await withHost('bare', 20, async (host) => {
    const chapter = chapters(t, host);
    await host.shell(`mkdir -p ${traces} /root/said`);
    const traced = async (name: string, version: string, args: readonly string[]) => {
      const result = await host.ivaap(version, args, { under: tracer(name) });
      await host.writeFile(`/root/said/${name}`, result.stdout + result.stderr);
      return result;
    };

    await chapter('through an install', async () => {
      const license = { ...(JSON.parse(licenseText) as object), serial: canary, words };
      await host.writeFile('/root/license.json', JSON.stringify(license), '0600');
      const template = await host.ivaap('2026.1', ['extract-file', 'values.template.yaml', '-']);
      const values = template.stdout
        .replace("'{{fqdn}}'", fqdn)
        .replace("'{{storagePath}}'", '/opt/ivaap/postgres')
        .replace("password: ''", `password: ${canary}`);
      assert.ok(values.includes(canary));
      await host.writeFile('/root/values.yaml', values, '0600');
      const argv = [
        'install',
        '--fqdn',
        fqdn,
        '--license',
        '/root/license.json',
        '--values',
        '/root/values.yaml',
        '--yes',
      ];
      await assertExit(host, await traced('install', '2026.1', argv), 0, 'the traced install');
      await host.untilHealthy();
      assert.deepEqual(await sightings(host), []);
    });

    await chapter('through an upgrade, status, and one that is refused', async () => {
      await assertExit(
        host,
        await traced('upgrade', '2026.2', ['install', '--upgrade']),
        0,
        'the traced upgrade',
      );
      await traced('status', '2026.2', ['status', '--json']);
      await host.shell(`printf '  - ]: {\\n' >> /opt/ivaap/ivaap.values.yaml`);
      await traced('refused', '2026.2', ['install', '--upgrade', '--reapply', '--yes']);
      const { stdout } = await host.shell(`grep -c execve ${traces}/upgrade`);
      assert.ok(Number(stdout) > 10, 'the tracer saw the children');
      assert.deepEqual(await sightings(host), []);
    });

    await chapter('words of ours that are secrets stay in all that is ours', async () => {
      const { stdout } = await host.shell(
        'cat /opt/ivaap/.installer/state.json /root/said/install /root/said/upgrade /root/said/status',
      );
      // What programs say in the middle of it is theirs.
      const lost = stdout.split('\n').filter((line) => line.includes('[redacted]') && !line.includes(': | '));
      assert.deepEqual(lost, []);
      assert.deepEqual(await lostWords(host), []);
    });

    await chapter('and are hidden where a message quotes what lives in the cluster', async () => {
      // One value more of the operator's own, which nothing reads.
      const edits = [
        `/^  - ]: {$/d`,
        `s/${canary}/ivaap/`,
        `s/^\\( *\\)IVAAP_SERVER_ADMIN_AUTO_MIGRATE:.*/&\\n\\1NOTE: ours/`,
      ];
      const { code: edited } = await host.shell(
        `sed -i ${edits.map((one) => `-e '${one}'`).join(' ')} /opt/ivaap/ivaap.values.yaml`,
      );
      assert.equal(edited, 0);
      const patch = (value: string) => {
        const data = JSON.stringify({ data: { NOTE: value } });
        return host.kubectl('patch', 'configmap', 'adminserver', '-n', 'ivaap', '--type=merge', '-p', data);
      };
      const modes = [[], ['--json'], ['--dry-run']];
      for (const [place, word] of words.entries()) {
        assert.equal((await patch(word)).code, 0);
        const argv = ['install', '--upgrade', '--reapply', '--yes', ...(modes[place % modes.length] ?? [])];
        const { code, stdout, stderr } = await host.ivaap('2026.2', argv);
        const said = (stdout + stderr).replaceAll('\\"', '"');
        assert.equal(code, 3, said);
        assert.match(
          said,
          /ConfigMap\/adminserver \.data\.NOTE: "\[redacted\]" by \[?[a-z-]+\]?, "ours" in the chart/,
        );
        assert.doesNotMatch(said, new RegExp(`NOTE: (goes, was |new, )?"?${word}\\b`));
        assert.match(said, /ivaap install --upgrade [^\n]*--force-conflicts/);
        assert.match(said, /\/opt\/ivaap\/ivaap\.values\.yaml/);
      }
      assert.deepEqual(await lostWords(host), []);
    });

    await chapter('and it is found when leaked on purpose', async () => {
      await host.run([...tracer('argv'), 'sh', '-c', `true ${canary}`]);
      await host.run([...tracer('environment'), 'env', `SECRET=${canary}`, 'true']);
      await host.shell(
        `echo '${Buffer.from(`{"a":"${canary}"}`).toString('base64')}' > /root/said/encoded; ` +
          `mkdir -p /opt/ivaap/.installer/logs; echo ${canary} > ` +
          '/opt/ivaap/.installer/logs/leak.log',
      );
      assert.deepEqual((await sightings(host)).sort(), [
        '/opt/ivaap/.installer/logs/leak.log',
        '/root/said/encoded',
        `${traces}/argv`,
        `${traces}/environment`,
      ]);
    });
  });
});
