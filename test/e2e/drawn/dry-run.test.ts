import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunPlan } from '../../../src/engine/run-plan.ts';
import { changedKeys, effectsOn, type Effects, leaves, newKeys, releaseBlobs } from '../effects.ts';
import { differences, fingerprint } from '../fingerprint.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { filled } from '../refusal-preparations.ts';
import { changing, prepareTracer, startedInPods, startedPrograms, tracer } from '../traced.ts';

/** The dry run changes nothing, says what would be refused, and what it says is what the run then does. */

const upgrade = ['install', '--upgrade'];
const dryRun = [...upgrade, '--dry-run'];
const strict = { strict: true };

interface StepData {
  upgrade_pg_backup: { database: string; sizeBytes: number; below: string; files: string[] };
  upgrade_snapshot: { below: string; files: string[] };
  upgrade_chart_swap: { chart: string; added: string[]; changed: string[]; removed: string[] };
  upgrade_load_images: {
    images: { name: string; configDigest: string; action: string; source: string | null }[];
    sources: { source: string; images: string[]; bytes: number }[];
    missingBytes: number;
  };
  upgrade_migrate: { overlay: string | null; patches: { id: string }[] };
  upgrade_helm: {
    chart: {
      revision: { deployed: number; next: number };
      diff: {
        added: string[];
        changed: { object: string; fields: { path: string; from?: unknown; to?: unknown }[] }[];
        removed: { object: string }[];
      };
      pods: { workload: string; how: string; selector: string; names: string[] }[];
    };
    schema: { now: number; target: number; change: string };
    conflicts: { object: string; field: string }[];
  };
}

function planIn(stdout: string): RunPlan {
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: RunPlan });
  const result = events.find(({ type }) => type === 'result');
  assert.ok(result, stdout.slice(-2000));
  return result.data;
}

const dataOf = ({ steps }: RunPlan) =>
  Object.fromEntries(steps.map(({ id, data }) => [id, data])) as unknown as StepData;

/** The plan as told, with what it started; the host must be the same afterwards. */
async function planned(host: TestHost, args: readonly string[] = dryRun): Promise<RunPlan> {
  const before = await fingerprint(host, strict);
  const result = await host.ivaap('2026.2', [...args, '--json'], { under: tracer('dry-run') });
  await assertExit(host, result, 0, args.join(' '));
  assert.equal(differences(before, await fingerprint(host, strict)), '');
  assert.deepEqual(changing(await startedPrograms(host, 'dry-run')), []);
  return planIn(result.stdout);
}

/** What was done and not planned, or planned and not done. */
async function assertAsPlanned(plan: RunPlan, before: Effects, after: Effects) {
  const data = dataOf(plan);
  assertFiles(data, before, after);
  await assertImages(data, before, after);
  assertObjects(data.upgrade_helm.chart, before, after);
  const restarted = data.upgrade_helm.chart.pods.map(({ selector }) =>
    selector.replace(/.*app=([^,]+).*/, '$1'),
  );
  assert.deepEqual(changedKeys(before.pods, after.pods), restarted.sort(), 'pods that restarted');
  const { schema } = data.upgrade_helm;
  assert.equal(schema.now, before.schema);
  assert.equal(after.schema, schema.change === 'product' ? schema.target : schema.now);
  assert.deepEqual([before.revision, after.revision], Object.values(data.upgrade_helm.chart.revision));
}

function assertFiles(data: StepData, before: Effects, after: Effects): void {
  const inProduct = (path: string) => path.replace('/opt/ivaap/', '');
  const backups = `${inProduct(data.upgrade_pg_backup.below)}/`;
  const chart = `${inProduct(data.upgrade_chart_swap.chart)}/`;
  const changed = changedKeys(before.files, after.files);
  const kept = changed.filter((path) => path.startsWith(backups));
  const folders = new Set(kept.map((path) => path.slice(backups.length).split('/')[0]));
  assert.equal(folders.size, 1, `one new folder: ${kept.join(' ')}`);
  const oldChart = Object.keys(before.files).filter((path) => path.startsWith(chart));
  assert.deepEqual(
    kept.map((path) => path.slice(`${backups}${[...folders][0]}/`.length)).sort(),
    [...data.upgrade_pg_backup.files, ...data.upgrade_snapshot.files, ...oldChart].sort(),
  );
  const { added, changed: other, removed } = data.upgrade_chart_swap;
  assert.deepEqual(
    changed.filter((path) => path.startsWith(chart)),
    [...added, ...other, ...removed].map((path) => `${chart}${path}`).sort(),
  );
  const { overlay, patches } = data.upgrade_migrate;
  const rest = changed.filter((path) => ![backups, chart].some((place) => path.startsWith(place)));
  assert.deepEqual(
    rest.filter((path) => !/^\.installer\/(logs\/.*|tools\/.*|scan-receipt\.json|lock)$/.test(path)),
    [
      '.installer/state.json',
      // One that is there already is written again with the same text.
      ...(overlay === null || patches.length === 0 || inProduct(overlay) in before.files
        ? []
        : [inProduct(overlay)]),
    ].sort(),
  );
}

async function assertImages(data: StepData, before: Effects, after: Effects): Promise<void> {
  const { images, missingBytes, sources } = data.upgrade_load_images;
  const loaded = images.filter(({ action }) => action !== 'none');
  // CRI keeps a name of its own for each image that it knows.
  const own = loaded.map(({ configDigest }) => configDigest).filter((name) => !(name in before.images));
  assert.deepEqual(
    newKeys(before.images, after.images),
    [...new Set([...loaded.map(({ name }) => name), ...own])].sort(),
  );
  const sizes = await releaseBlobs('2026.2');
  const blobs = newKeys(before.blobs, after.blobs).filter((digest) => sizes.has(digest));
  assert.equal(
    blobs.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0),
    missingBytes,
    'bytes that were loaded',
  );
  assert.equal(
    sources.reduce((sum, { bytes }) => sum + bytes, 0),
    missingBytes,
  );
}

function assertObjects({ diff }: StepData['upgrade_helm']['chart'], before: Effects, after: Effects): void {
  const names = Object.keys({ ...before.objects, ...after.objects }).sort();
  assert.deepEqual(diff.added.toSorted(), newKeys(before.objects, after.objects));
  assert.deepEqual(diff.removed.map(({ object }) => object).sort(), newKeys(after.objects, before.objects));
  for (const name of names.filter((one) => one in before.objects && one in after.objects)) {
    const [was, is] = [leaves(before.objects[name]), leaves(after.objects[name])];
    const fields = diff.changed.find(({ object }) => object === name)?.fields.map(({ path }) => path) ?? [];
    const within = (leaf: string, path: string) => leaf === path || /^[.[]/.test(leaf.slice(path.length));
    const covers = (leaf: string, path: string) => leaf.startsWith(path) && within(leaf, path);
    const changed = changedKeys(was, is);
    const notPlanned = changed.filter((leaf) => !fields.some((path) => covers(leaf, path)));
    const notDone = fields.filter((path) => !changed.some((leaf) => covers(leaf, path)));
    assert.deepEqual({ name, notPlanned, notDone }, { name, notPlanned: [], notDone: [] });
  }
}

/** The commands of a real run that change anything are those that the plan leads to, and no other. */
async function assertCommands(host: TestHost, name: string, plan: RunPlan): Promise<void> {
  const data = dataOf(plan);
  const commands = await startedPrograms(host, name);
  const loads = data.upgrade_load_images.images.filter(({ action }) => action === 'load');
  const inPods = startedInPods(commands).filter(([program = '']) => !['psql', 'login'].includes(program));
  assert.deepEqual(
    inPods.map(([program, ...args]) => [program, args.at(-1)]),
    [
      ['pg_dump', data.upgrade_pg_backup.database],
      ['pg_dumpall', 'postgres'],
    ],
  );
  const helm = changing(commands).filter(([program]) => program === 'helm');
  const { overlay } = data.upgrade_migrate;
  assert.equal(helm.length, 1);
  assert.deepEqual(helm[0]?.slice(1, 4), ['upgrade', 'ivaap', data.upgrade_chart_swap.chart]);
  assert.deepEqual(
    helm[0]?.filter((word) => word.startsWith('--values=')),
    ['/opt/ivaap/ivaap.values.yaml', ...(overlay === null ? [] : [overlay])].map(
      (path) => `--values=${path}`,
    ),
  );
  const rest = changing(commands).filter(([program, verb]) => program !== 'helm' && verb !== 'exec');
  assert.deepEqual(
    rest.filter(([program]) => program !== 'ctr'),
    [],
    'nothing else changes anything',
  );
  const imports = rest.filter((command) => command.includes('import'));
  assert.equal(imports.length, loads.length);
  const named = rest.filter((command) => !imports.includes(command)).map((command) => command.join(' '));
  // The pins of the release before last go without being planned: nothing is removed by that.
  const unpinned = named.filter((command) => /images label \S+:(?!2026\.2)\S+(?: \S+=)+$/.test(command));
  const known = [...data.upgrade_load_images.images.map((image) => image.name), 'ivaap.invalid/staging/'];
  assert.deepEqual(
    named.filter((command) => !unpinned.includes(command) && !known.some((image) => command.includes(image))),
    [],
    'tags and labels of planned images only',
  );
}

test('a dry run changes nothing, and the run does what it said', async (t) => {
  await withHost('installed-2026.1', 25, async (host) => {
    const chapter = chapters(t, host);
    await prepareTracer(host);

    await chapter('for people and for machines the host stays as it was', async () => {
      const before = await fingerprint(host, strict);
      const result = await host.ivaap('2026.2', dryRun);
      await assertExit(host, result, 0, '--dry-run');
      assert.equal(differences(before, await fingerprint(host, strict)), '');
      t.diagnostic(result.stdout);
      for (const words of [/dump ivaapdb into a new folder/, /~ Deployment\/backend/, /image: \S+ ->/]) {
        assert.match(result.stdout.replaceAll(/\n\S+Z +/g, ' '), words);
      }
    });

    await chapter('the comparison sees one byte, one image and one field', async () => {
      const before = await fingerprint(host, strict);
      const file = '/opt/ivaap/IVAAPHelmTemplate/values.yaml';
      const [known = ''] = before
        .filter((line) => line.startsWith('image registry'))
        .map((line) => line.split(' ')[1]);
      const field =
        'bash /usr/local/lib/lab/node/k3s kubectl patch configmap backend -n ivaap --type merge -p';
      const changes: [RegExp, string, string][] = [
        [
          /content .*values\.yaml/,
          `cp -a ${file} /root/kept; printf x >> ${file}`,
          `cp -a /root/kept ${file}`,
        ],
        [
          /image example\.com\/one:1/,
          `bash /usr/local/lib/lab/node/k3s ctr images tag ${known} example.com/one:1`,
          `bash /usr/local/lib/lab/node/k3s ctr images rm example.com/one:1`,
        ],
        [/ConfigMap ivaap\/backend/, `${field} '{"data":{"ONE":"1"}}'`, `${field} '{"data":{"ONE":null}}'`],
      ];
      for (const [seen, change, back] of changes) {
        await host.shell(change);
        assert.match(differences(before, await fingerprint(host, strict)), seen);
        await host.shell(back);
        assert.equal(differences(before, await fingerprint(host, strict)), '');
      }
    });

    await chapter('what would be refused is said, with the exit code of the run', async () => {
      const row = async (exit: number, said: RegExp, version = '2026.2') => {
        const before = await fingerprint(host, strict);
        const told = await host.ivaap(version, dryRun);
        await assertExit(host, told, exit, `a dry run that is refused: ${String(said)}`);
        assert.match(told.stdout + told.stderr, said);
        const real = await host.ivaap(version, upgrade);
        await assertExit(host, real, exit, 'the run itself');
        assert.equal(
          differences(before, await fingerprint(host, strict))
            .replaceAll(/^.*\.installer\/(lock|scan-receipt\.json).*$/gm, '')
            .trim(),
          '',
        );
      };
      const back = await filled('/opt/ivaap', 1024)(host);
      await row(3, /would be refused with exit code 3[^]*\/opt\/ivaap/);
      await back();
      await host.kubectl('scale', 'deployment', 'backend', '-n', 'ivaap', '--replicas=2');
      await row(3, /Deployment\/backend \.spec\.replicas/);
      await host.kubectl('scale', 'deployment', 'backend', '-n', 'ivaap', '--replicas=1');
      // A pod that is still ending would be gone in the comparison.
      await host.until('one backend pod is left', 60, async () => {
        const { stdout } = await host.kubectl(
          'get',
          'pods',
          '-n',
          'ivaap',
          '-l',
          'app=backend',
          '-o',
          'name',
        );
        return stdout.trim().split('\n').length === 1 ? true : undefined;
      });
      await row(5, /downgrade/, '2025.9');
      await row(10, /already installed/, '2026.1');
      await host.untilHealthy();
    });

    await chapter('the upgrade does what was planned, and nothing else', async () => {
      const plan = await planned(host);
      const before = await effectsOn(host);
      const result = await host.ivaap('2026.2', upgrade, { under: tracer('upgrade') });
      await assertExit(host, result, 0, 'install --upgrade');
      assert.match(result.stdout, /plan: \d+ steps to run/);
      await host.untilHealthy();
      await assertCommands(host, 'upgrade', plan);
      await assertAsPlanned(plan, before, await effectsOn(host));
      assert.equal(dataOf(plan).upgrade_helm.schema.change, 'product');
    });

    await chapter('applied again, nothing is loaded and no pod restarts, as planned', async () => {
      const plan = await planned(host, [...dryRun, '--reapply']);
      const { chart } = dataOf(plan).upgrade_helm;
      assert.deepEqual(
        [chart.pods, chart.diff.changed, dataOf(plan).upgrade_load_images.missingBytes],
        [[], [], 0],
      );
      const before = await effectsOn(host);
      const result = await host.ivaap('2026.2', [...upgrade, '--reapply', '--yes'], {
        under: tracer('reapply'),
      });
      await assertExit(host, result, 0, '--reapply');
      await assertCommands(host, 'reapply', plan);
      await assertAsPlanned(plan, before, await effectsOn(host));
    });
  });
});
