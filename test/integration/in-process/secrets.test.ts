import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { describeError } from '../../../src/errors.ts';
import { failure } from '../../../src/host/program-failure.ts';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import {
  type DeployFlow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { beginnings } from '../../fixtures/in-process-host/matrix.ts';
import { licenseText, namespace } from '../../fixtures/in-process-host/product.ts';

/**
 * Licence and passwords travel through files and standard input alone: whatever is started, shown, recorded
 * or told of a failure has none of them.
 */

const adminPassword = 'of-the/operator+alone 1';
let host: SimulatedHost;
let worlds: Record<DeployFlow | 'rollback', World>;

before(async () => {
  host = await SimulatedHost.start();
  const begin = await beginnings(host);
  host.become(begin.upgrade.world);
  appendFileSync(join(host.folder, 'tiny.values.yaml'), `adminPassword: "${adminPassword}"\n`);
  worlds = { install: begin.install.world, upgrade: host.copy(), rollback: begin.rollback.world };
});
after(() => host.close());

/** Every secret that this host has just now. */
function secrets(): string[] {
  const stored = host.cluster
    .list('Secret', namespace)
    .filter(({ metadata }) => metadata.labels?.['owner'] !== 'helm')
    .flatMap(({ data }) => Object.values((data ?? {}) as Record<string, string>))
    .map((encoded) => Buffer.from(encoded, 'base64').toString());
  return [...stored, licenseText, 'serial-of-tiny'];
}

const forms = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64'),
];

/** What everybody who may look at this host can see of a run. */
interface Seen {
  argv: string[];
  environment: string[];
  shown: string;
  error: string;
  result: string;
  files: Record<string, string>;
}

function filesOf(folder: string): Record<string, string> {
  const logs = join(folder, '.installer/logs');
  const names = existsSync(logs) ? readdirSync(logs).map((name) => `logs/${name}`) : [];
  const paths = [...names, 'state.json', 'lock'].map((name) => join(folder, '.installer', name));
  return Object.fromEntries(
    paths.filter((path) => existsSync(path)).map((path) => [path, readFileSync(path, 'utf8')]),
  );
}

/** Runs a flow and keeps what can be seen of it; `fault` may let a program fail. */
async function watched(
  flow: DeployFlow,
  fault: (event: HostEvent & { kind: 'program' }) => Error | undefined,
) {
  const seen: Pick<Seen, 'argv' | 'environment'> = { argv: [], environment: [] };
  const ended: Invocation = await host.run(flow, (event) => {
    if (event.kind !== 'program' || event.phase !== 'before') return undefined;
    seen.argv.push(event.argv.join(' '));
    seen.environment.push(...Object.entries(event.env).map(([name, value]) => `${name}=${value}`));
    return fault(event);
  });
  const error =
    ended.error === undefined
      ? ''
      : JSON.stringify(describeError(ended.error)) + String((ended.error as Error).stack);
  const result = JSON.stringify(ended.result ?? '');
  return {
    ended,
    seen: {
      ...seen,
      shown: JSON.stringify(ended.shown),
      error,
      result,
      files: filesOf(host.folder),
    } satisfies Seen,
  };
}

function assertNoSecret(seen: Seen, hidden: readonly string[], name: string): void {
  const places = {
    ...seen,
    argv: seen.argv.join('\n'),
    environment: seen.environment.join('\n'),
    files: undefined,
    ...seen.files,
  };
  for (const [place, text] of Object.entries(places)) {
    for (const secret of hidden.flatMap(forms))
      assert.ok(text?.includes(secret) !== true, `${name}: ${place} has a secret (${secret.slice(0, 3)}…)`);
  }
}

/** Each second call: what is between them is asked in the same way. */
const stride = 2;

for (const flow of ['install', 'upgrade'] as const) {
  test(`an ${flow} shows none of its secrets, and hands none to a program but on its standard input`, async () => {
    host.become(worlds[flow]);
    const { ended, seen } = await watched(flow, () => undefined);
    assert.equal(ended.exitCode, 0, seen.error);
    const hidden = [...secrets(), ...(flow === 'upgrade' ? [adminPassword] : [])];
    // Two generated ones and the licence, or nothing is proved.
    assert.ok(hidden.length >= 5 && seen.argv.length > 20);
    assertNoSecret(seen, hidden, flow);
  });

  test(`an ${flow} whose program fails in any place and prints all secrets leaks none of them, nor does the attempt after it`, async () => {
    // From its first record on: before that a run has not been told any secret.
    const isRunning = () => host.state()?.run?.status === 'running';
    let calls = 0;
    host.become(worlds[flow]);
    await watched(flow, () => void (calls += isRunning() ? 1 : 0));
    assert.ok(calls > 10, `${calls} calls`);
    for (let at = 0; at < calls; at += stride) {
      host.become(worlds[flow]);
      let begun = 0;
      const blurted = new Set<string>();
      const blurt = ({ label }: { label: string }) => {
        if (!isRunning()) return undefined;
        begun += 1;
        if (begun !== at + 1) return undefined;
        for (const secret of [...secrets(), ...(flow === 'upgrade' ? [adminPassword] : [])])
          blurted.add(secret);
        const words = [...blurted].flatMap((secret) => [`password=${secret}`, ...forms(secret)]).join('\n');
        const fields = {
          exitCode: 1,
          endedBy: undefined,
          reason: 'exit',
          stdout: words,
          stderr: words,
        } as const;
        return failure(`${label} failed: ${words}`, fields, `look at ${words}`);
      };
      const first = await watched(flow, blurt);
      const name = `${flow}, call ${at} (${first.seen.argv.at(-1)})`;
      assertNoSecret(first.seen, [...blurted], name);
      if (first.ended.exitCode === 0) continue;
      assert.match(first.seen.error + first.seen.shown, /\[redacted\]/, `${name}: nothing was blurted out`);
      const again = await watched(flow, () => undefined);
      assertNoSecret(again.seen, [...blurted, ...secrets()], `${name}, again`);
    }
  });
}

for (const word of ['tiny', 'fail', '2026', 'true', '12345678']) {
  test(`a password that reads ${word} changes no word of a run, and is hidden in what a program says`, async () => {
    host.become(worlds.upgrade);
    const values = join(host.folder, 'tiny.values.yaml');
    const text = readFileSync(values, 'utf8').replace(`"${adminPassword}"`, `"${word}"`);
    assert.ok(text.includes(`adminPassword: "${word}"`));
    writeFileSync(values, text);
    const world = host.copy();
    const whole = await watched('upgrade', () => undefined);
    assert.equal(whole.ended.exitCode, 0, whole.seen.error);
    for (const [place, said] of Object.entries({
      ...whole.seen.files,
      shown: whole.seen.shown,
      result: whole.seen.result,
    }))
      assert.ok(!said.includes('[redacted]'), `${place}: ${/.{80}\[redacted\].{20}/.exec(said)?.[0]}`);
    host.become(world);
    const fields = {
      exitCode: 1,
      endedBy: undefined,
      reason: 'exit',
      stdout: '',
      stderr: `no login with "${word}"`,
    } as const;
    const failed = await watched('upgrade', ({ argv }) =>
      argv.includes('pg_dump') ? failure('pg_dump failed', fields) : undefined,
    );
    assert.equal(failed.ended.exitCode, 6, failed.seen.error);
    assert.doesNotMatch(failed.seen.error, new RegExp(`no login with .{0,3}${word}`));
    const steps = (host.state()?.run?.steps ?? {}) as Record<string, { status: string }>;
    assert.equal(steps['upgrade_pg_backup']?.status, 'failed');
  });
}
