import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writePage } from '../../scripts/generated-page.ts';
import { chapters, withHost } from '../e2e/harness.ts';
import type { TestHost } from '../e2e/host.ts';
import { pathEnvironment } from '../e2e/typed.ts';
import { labCluster, labPath } from '../lab/host.ts';
import { run } from '../lab/process.ts';
import { troubleshootProgram } from '../lab/programs.ts';
import { compare, type Files, type Pair, pageOf, readFiles, terminalTable, unnamed } from './beside.ts';

/**
 * Our support bundle beside Troubleshoot's, of the same broken host: what one of them has and the other has
 * not, by kind of information. Writes docs/support-bundle-beside-troubleshoot.md.
 */

const states = ['cluster up', 'cluster down'] as const;
/** Its Helm collector reads the variable, all others the flag. */
const kubeconfig = '/etc/rancher/k3s/k3s.yaml';
const text = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');

/** Unpacks an archive of the host on this machine, and reads it. */
async function filesOf(host: TestHost, archive: string): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'beside-'));
  try {
    await run('tar', ['-xzf', labPath(host.name, archive), '-C', folder, '--strip-components=1']);
    return readFiles(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bothBundles(host: TestHost, program: string, name: string): Promise<Pair> {
  const ours = `/root/ours-${name}.tar.gz`;
  const { code, stderr } = await host.ivaap('2026.2', ['support-bundle', '--output', ours]);
  assert.equal(code, 0, stderr);
  await host.writeFile('/root/spec.yaml', text('spec.yaml'));
  const flags = ['--interactive=false', '--auto-update=false', '--no-uri'];
  const peer = await host.run(
    [program, ...flags, `--kubeconfig=${kubeconfig}`, `--output=/root/peer-${name}`, '/root/spec.yaml'],
    { timeoutMs: 600_000, env: { ...pathEnvironment, KUBECONFIG: kubeconfig } },
  );
  // Without an API server the peer stops before it asks the host, and writes nothing.
  const nothing = /failed to check RBAC for collectors: .*connection refused/.test(peer.stderr);
  assert.ok(nothing ? name === 'down' : peer.code === 0, peer.stdout + peer.stderr);
  return {
    ours: await filesOf(host, ours),
    peer: nothing ? new Map() : await filesOf(host, `/root/peer-${name}.tar.gz`),
  };
}

test('our support bundle has of a broken host what Troubleshoot has, or says why not', async (t) => {
  const program = await troubleshootProgram();
  await withHost('installed-2026.1', 30, async (host) => {
    const chapter = chapters(t, host);
    const pairs: Pair[] = [];

    await chapter('a pod ends again and again, and a disk is full', async () => {
      await host.writeFile('/root/objects.yaml', text('objects.yaml'));
      const applied = await host.kubectl('apply', '-f', '/root/objects.yaml');
      assert.equal(applied.code, 0, applied.stderr);
      await host.writeFile('/etc/rancher/k3s/config.yaml', 'node-name: k3s-node\n');
      const folder = '/opt/ivaap/.installer/backups';
      await host.shell(`mkdir -p ${folder} && mount -t tmpfs -o size=1m full ${folder}`);
      await host.shell(`head -c 1040000 /dev/zero > ${folder}/fill`);
      const command = { op: 'add', path: '/spec/template/spec/containers/0/command', value: ['/bin/false'] };
      const patch = JSON.stringify([command]);
      await host.kubectl('patch', 'deployment', 'backend', '-n', 'ivaap', '--type=json', '-p', patch);
      await host.until('a container was started again', 120, async () => {
        const { stdout } = await host.kubectl('get', 'pods', '-n', 'ivaap', '--no-headers');
        return /CrashLoopBackOff|Error/.test(stdout) ? true : undefined;
      });
      pairs.push(await bothBundles(host, program, 'up'));
    });

    await chapter('the cluster is down as well', async () => {
      await labCluster(host.name, 'stop');
      pairs.push(await bothBundles(host, program, 'down'));
    });

    await chapter(
      'each kind of information is in both, or in ours, or its absence has a reason',
      async () => {
        const rows = compare(pairs);
        console.log(terminalTable(rows, states));
        for (const [at, { peer, ours }] of pairs.entries()) {
          assert.deepEqual(unnamed(peer, 'peer'), [], `files of the peer that no kind names, ${states[at]}`);
          assert.deepEqual(unnamed(ours, 'ours'), [], `files of ours that no kind names, ${states[at]}`);
        }
        const lacking = rows.filter(({ kind, peer, ours }) =>
          peer.some((there, at) => there && ours[at] !== true && kind.leftOut === undefined),
        );
        assert.deepEqual(
          lacking.map(({ kind }) => kind.title),
          [],
          'the peer has it, ours has not, and no reason is given',
        );
        const nowhere = rows.filter(({ peer, ours }) => ![...peer, ...ours].includes(true));
        assert.deepEqual(
          nowhere.map(({ kind }) => kind.title),
          [],
          'neither has it',
        );
        writePage(await pageOf(rows, states));
      },
    );
  });
});
