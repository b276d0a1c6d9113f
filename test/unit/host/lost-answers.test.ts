import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { createContainerd } from '../../../src/host/containerd.ts';
import { otherDatabases } from '../../../src/host/database-sessions.ts';
import { readProperties } from '../../../src/host/database-properties.ts';
import { estimateDump } from '../../../src/host/dump-estimate.ts';
import { createHelm } from '../../../src/host/helm.ts';
import { createKubectl } from '../../../src/host/kubectl.ts';
import { listPods } from '../../../src/host/pods.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { stopped } from '../../../src/host/program-failure.ts';
import type { Runner, RunOptions } from '../../../src/host/runner.ts';

/**
 * Whatever we ask of kubectl, Helm, containerd and PostgreSQL: an answer that is empty, cut off or late is a
 * failure that says so, and never 0, none, or a defect of ours.
 */

const folder = mkdtempSync(join(tmpdir(), 'lost-answers-'));
after(() => rmSync(folder, { recursive: true }));
const helmProgram = 'a program';
writeFileSync(join(folder, 'helm'), helmProgram, { mode: 0o755 });

const pods = JSON.stringify({
  items: [
    {
      metadata: { name: 'db-0' },
      spec: { containers: [] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    },
  ],
});

type Answering = (argv: readonly string[]) => string | Error;

/** Answers each program by its words, and notes which were given no time limit. */
function runnerOf(answer: Answering, unlimited: string[] = []): Runner {
  return {
    run: (argv, options: RunOptions = {}) => {
      if (options.timeoutMs === undefined) unlimited.push(argv.join(' '));
      const said = answer(argv);
      if (said instanceof Error) return Promise.reject(said);
      return Promise.resolve({ exitCode: 0, stdout: said, stderr: '', stdinBytes: 0, durationMs: 1 });
    },
  };
}

function hostOf(runner: Runner) {
  const kubectl = createKubectl(runner, { k3s: '/k3s', kubeconfig: '/config', manager: 'tiny' });
  const helm = createHelm(runner, {
    tool: { path: join(folder, 'helm'), sha256: createHash('sha256').update(helmProgram).digest('hex') },
    kubeconfig: '/config',
    namespace: 'n',
    release: 'r',
    workFolder: join(folder, 'work'),
  });
  const containerd = createContainerd(runner, { k3s: '/k3s', socket: '/socket' });
  const database = createPostgres(kubectl, {
    namespace: 'n',
    selector: 'app=db',
    container: 'db',
    user: 'u',
    database: 'd',
  });
  return { kubectl, helm, containerd, database };
}

type Host = ReturnType<typeof hostOf>;

const end = 'ivaap:end-of-answer\n';
const metadata =
  '{"name":"r","revision":3,"status":"deployed","chart":"c","version":"1.0.0","appVersion":"2"}\n';

/** What is asked, and a complete answer to it. */
const questions: Record<string, { ask: (host: Host) => Promise<unknown>; complete: string }> = {
  'the version of the API server': {
    ask: ({ kubectl }) => kubectl.serverVersion(),
    complete: '{"serverVersion":{"gitVersion":"v1.34.4+k3s1"}}',
  },
  'one object': { ask: ({ kubectl }) => kubectl.get('secret', 's'), complete: '{"metadata":{"name":"s"}}' },
  'a list of objects': { ask: ({ kubectl }) => kubectl.list('nodes'), complete: pods },
  'the pods': { ask: ({ kubectl }) => listPods(kubectl, { namespace: 'n' }), complete: pods },
  "Helm's version": { ask: ({ helm }) => helm.version(), complete: 'v4.3.1\n' },
  'the release': { ask: ({ helm }) => helm.current(), complete: metadata },
  'how the release was applied': { ask: ({ helm }) => helm.appliedOnServer(3), complete: metadata },
  "the release's history": {
    ask: ({ helm }) => helm.history(),
    complete:
      '[{"revision":3,"updated":"","status":"deployed","chart":"c","app_version":"2","description":""}]',
  },
  "the release's values": { ask: ({ helm }) => helm.values(), complete: '{"a":1}\n' },
  "the release's manifest": { ask: ({ helm }) => helm.manifest(), complete: 'kind: ConfigMap\n' },
  'a rendering': {
    ask: ({ helm }) => helm.template({ chart: '/c', valuesFiles: [] }),
    complete: 'kind: ConfigMap\n',
  },
  'the names of images': {
    ask: ({ containerd }) => containerd.names(),
    complete: 'REF TYPE DIGEST SIZE PLATFORMS LABELS\na/b:1 t sha256:1 1 KiB linux/amd64 -\n',
  },
  'the images of CRI': { ask: ({ containerd }) => containerd.runtimeImages(), complete: '{"images":[]}' },
  'the containers of CRI': {
    ask: ({ containerd }) => containerd.runtimeContainers(),
    complete: '{"containers":[]}',
  },
  "containerd's folder": { ask: ({ containerd }) => containerd.root(), complete: '{"config":{}}' },
  'rows of a query': { ask: ({ database }) => database.query('SELECT 1'), complete: `1\n${end}` },
  'a query without rows': { ask: ({ database }) => database.query('SELECT 1 WHERE false'), complete: end },
  'the schema version': { ask: ({ database }) => database.schemaVersion('SELECT 5'), complete: `5\n${end}` },
  "the server's version": {
    ask: ({ database }) => database.serverVersion(),
    complete: `15.18 (Debian)\n${end}`,
  },
  'the roles of the server': {
    ask: ({ database }) => database.dumpGlobals(),
    complete: 'CREATE ROLE u;\n--\n-- PostgreSQL database cluster dump complete\n--\n\n',
  },
  'other databases': { ask: ({ database }) => otherDatabases(database), complete: `["a"]\n${end}` },
  "the dump's size": { ask: ({ database }) => estimateDump(database), complete: `[]\n${end}` },
};

/** The question's own answer; the database's pod is there whatever becomes of it. */
const answering =
  (answer: string | Error): Answering =>
  (argv) =>
    argv.includes('app=db') ? pods : answer;

const isUnknown = (error: unknown) => {
  assert.ok(error instanceof IvaapError, `not an error of ours: ${String(error)}`);
  assert.equal(error.code, 'failed');
  return true;
};

describe('an answer that is not complete is no answer', () => {
  for (const [what, { ask, complete }] of Object.entries(questions)) {
    it(`of ${what}`, async () => {
      const unlimited: string[] = [];
      await ask(hostOf(runnerOf(answering(complete), unlimited)));
      assert.deepEqual(unlimited, [], 'every question has a time limit');
      await assert.rejects(ask(hostOf(runnerOf(answering('')))), isUnknown, 'empty');
      const visible = complete.trimEnd().length;
      for (const length of new Set([1, Math.floor(visible / 2), visible - 1])) {
        const cut = complete.slice(0, length);
        await assert.rejects(ask(hostOf(runnerOf(answering(cut)))), isUnknown, `cut: ${cut}`);
      }
      const late = stopped('a program', 'timeout', complete, '', { timeoutMs: 1000 });
      await assert.rejects(ask(hostOf(runnerOf(answering(late)))), isUnknown, 'late');
    });
  }

  it('where the settings of a database are read, without a word of what came: it is password hashes', async () => {
    const cut = `{"roles":[{"rolpassword":"SCRAM-SHA-256$4096\n${end}`;
    await assert.rejects(readProperties(hostOf(runnerOf(answering(cut))).database), (error: IvaapError) => {
      assert.doesNotMatch(error.message + String(error.cause) + (error.output ?? ''), /SCRAM/);
      return isUnknown(error);
    });
  });

  it('and one that was lost once is asked for again', async () => {
    let asked = 0;
    const runner = runnerOf((argv) => {
      if (argv.includes('app=db')) return pods;
      return (asked += 1) === 1 ? '' : `5\n${end}`;
    });
    assert.equal(await hostOf(runner).database.schemaVersion('SELECT 5'), 5);
    assert.equal(asked, 2);
  });

  it('but an object that is not there, and a release that is not, are answers', async () => {
    const saying = (stderr: string) => {
      const error = stopped('a program', 'aborted', '', stderr);
      return hostOf(runnerOf(() => error));
    };
    assert.equal(
      await saying('Error from server (NotFound): secrets "s" not found').kubectl.get('secret', 's'),
      undefined,
    );
    assert.equal(await saying('Error: release: not found').helm.current(), undefined);
    assert.deepEqual(await saying('Error: release: not found').helm.history(), []);
  });
});
