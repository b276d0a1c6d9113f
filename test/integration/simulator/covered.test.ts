import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { helmCases, writeCharts } from './helm-cases.ts';
import { kubectlCases } from './kubectl-cases.ts';
import { containerdCases, postgresCases } from './node-cases.ts';
import { simulatedWorld } from './worlds.ts';

/** `kubectl get`, `ctr images list`, `psql`: which program is asked what. */
function formOf([program = '', ...args]: readonly string[]): string {
  if (basename(program) !== 'k3s') return formOfWords(basename(program), args);
  const [tool = '', ...rest] = args;
  const inPod = rest.indexOf('--');
  const exec = rest.includes('exec') && inPod !== -1;
  const asked = exec ? rest.slice(inPod + 1) : [];
  if (exec) return (asked[0] === 'sh' ? asked[4] : asked[0]) ?? '';
  return formOfWords(tool, rest);
}

function formOfWords(program: string, args: readonly string[]): string {
  const valued = ['--kubeconfig', '--address', '--namespace'];
  const words = args.filter((arg, at) => !arg.startsWith('-') && !valued.includes(args[at - 1] ?? ''));
  const two = program === 'ctr' || words[0] === 'get' ? program !== 'kubectl' : false;
  return [program, ...words.slice(0, two ? 2 : 1)].join(' ');
}

/**
 * Programs that the simulator does not answer for: the real flock is started, and k3s only tells its own
 * version.
 */
const others = ['flock', '--version'];

test('every call of a program by an install or an upgrade is among the cases', async () => {
  const asked = new Set<string>();
  const host = await SimulatedHost.start();
  try {
    for (const flow of ['install', 'upgrade'] as const) {
      const { exitCode } = await host.run(flow, (event) => {
        if (event.kind === 'program') asked.add(formOf(event.argv));
        return undefined;
      });
      assert.equal(exitCode, 0);
    }
  } finally {
    host.close();
  }
  const covered = new Set<string>();
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
  writeCharts(folder);
  const world = await simulatedWorld((argv) => covered.add(formOf(argv)));
  const cases = [...kubectlCases(), ...helmCases(folder), ...containerdCases(), ...postgresCases()];
  for (const { ask } of cases) await ask(world);
  rmSync(folder, { recursive: true });
  assert.ok(asked.size > 15, [...asked].join(', '));
  assert.deepEqual(
    [...asked].filter((form) => !covered.has(form) && !others.includes(form.split(' ')[0] ?? '')),
    [],
  );
});
