import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseNotes } from '../../../src/checks/release-notes.ts';
import type { UpgradeCheckContext } from '../../../src/checks/context.ts';
import type { HostFacts } from '../../../src/checks/facts.ts';
import { releaseSchema } from '../../../src/payload/product-schema.ts';
import { assertPassed, judge, type Measurement, parseWaivers } from '../../../src/policy/preflight-report.ts';
import { parseValues } from '../../../src/release/values-file.ts';

const flag = { path: ['server', 'migrate'], on: 'true', off: 'false' };

/** What the check finds on a host of 2026.1 with these values. */
async function found(notes: object[], values: string, more: object = {}): Promise<Measurement[]> {
  const release = releaseSchema.parse({
    version: '2026.2',
    schema: { min: 1, target: 2 },
    postgresMajor: 15,
    notes: notes.map((one) => ({ version: '2026.2', ...one })),
    ...more,
  });
  const ctx = {
    release,
    from: '2026.1',
    to: release.version,
    product: { values: { autoMigrate: flag } },
    paths: { values: '/opt/my product/values.yaml' },
    values: parseValues('/opt/my product/values.yaml', values),
  };
  const measured = await releaseNotes.measure(ctx as unknown as UpgradeCheckContext, {} as HostFacts);
  return [measured].flat();
}

const judged = (one: Measurement, waivers: { id: string; reason: string }[] = []) =>
  judge(releaseNotes, one, { tolerant: false, waivers });

test('a values file without a named key passes, and so does a file without notes', async () => {
  const breaking = [{ path: ['units'], todo: 'remove it' }];
  assert.deepEqual(await found([{ breaking }], 'other: 1'), [
    { outcome: 'ok', measured: 'notes of 2026.2: /opt/my product/values.yaml needs no change' },
  ]);
  // That nothing is said is not that nothing is breaking.
  assert.deepEqual(await found([], 'units: x'), [
    { outcome: 'ok', measured: 'this file has no notes of releases after 2026.1 up to 2026.2' },
  ]);
});

test('an affected key is a warning, and blocks where the vendor says so', async () => {
  const key = { path: ['units'], todo: 'use the new one', replacedBy: ['unitSystem'] };
  const [warning] = await found([{ breaking: [key] }], 'units: secret-value');
  assert.equal(warning?.outcome, 'warn');
  assert.equal(warning.measured, 'units is set; 2026.2: use the new one');
  assert.equal(
    warning.fix,
    "${EDITOR:-vi} '/opt/my product/values.yaml'   " +
      '# unitSystem instead of units: use the new one; before the upgrade',
  );
  assert.equal(JSON.stringify(warning).includes('secret-value'), false);
  const [blocker] = await found([{ breaking: [{ ...key, blocks: true }] }], 'units: x');
  assert.equal(judged(blocker!).status, 'fail');
});

test('a key that two releases name is one finding, and the stricter of both decides', async () => {
  const all = await found(
    [
      { version: '2026.1.5', breaking: [{ path: ['a'], todo: 'first' }] },
      { breaking: [{ path: ['a'], equals: 1, todo: 'second', blocks: true }] },
    ],
    'a: 1',
  );
  assert.deepEqual(
    all.map(({ part, outcome, measured }) => [part, outcome, measured]),
    [['a', 'fail', 'a is set; 2026.1.5: first; a is 1; 2026.2: second']],
  );
});

test('a value that a patch takes over does not block, and the file still has it', async () => {
  const breaking = [{ path: ['units'], todo: 'use the new one', replacedBy: ['unitSystem'], blocks: true }];
  const valuesPatches = [
    {
      id: 'units',
      why: 'renamed',
      when: [{ path: ['units'], equals: 'imperial' }],
      set: [{ path: ['unitSystem'], value: 'field' }],
    },
  ];
  const [one] = await found([{ breaking }], 'units: imperial', { valuesPatches });
  assert.equal(one?.outcome, 'warn');
  assert.match(
    one.measured,
    /^units is still in your file, a values patch sets the new key; 2026\.2: use the/,
  );
  assert.match(one.fix ?? '', /# unitSystem: "field" instead of units; before this upgrade or after it$/);
  const [done] = await found([{ breaking }], 'unitSystem: field\nunits: imperial');
  assert.match(done?.measured ?? '', /needs no change \(replaced already: units\)$/);
  const [other] = await found([{ breaking }], 'units: knots', { valuesPatches });
  assert.equal(other?.outcome, 'fail');
});

test('a staged migration that the values start at once is a warning, or blocks', async () => {
  const staged = (blocks: boolean) => [
    { migration: { kind: 'staged', text: 'takes an hour for each million wells', blocks } },
  ];
  const [warning] = await found(staged(false), "server: { migrate: 'true' }");
  assert.deepEqual([warning?.part, warning?.outcome], ['staged-migration', 'warn']);
  assert.match(warning?.measured ?? '', /server\.migrate is "true".*2026\.2: takes an hour/);
  assert.match(warning?.fix ?? '', /^\$\{EDITOR:-vi\} '.*'   # server\.migrate: 'false'; .* --reapply$/);
  assert.equal((await found(staged(true), 'server: { migrate: true }'))[0]?.outcome, 'fail');
  assert.equal((await found(staged(true), "server: { migrate: 'false' }"))[0]?.outcome, 'ok');
  assert.equal((await found(staged(true), ''))[0]?.outcome, 'ok');
  const oneWay = [{ migration: { kind: 'one-way', text: 'no way back' } }];
  assert.equal((await found(oneWay, "server: { migrate: 'true' }"))[0]?.outcome, 'ok');
});

test('what blocks can be waived by the words of its own hint', async () => {
  const [one] = await found(
    [{ breaking: [{ path: ['labels', 'a.b/c=d'], todo: 'remove it', blocks: true }] }],
    "labels: { 'a.b/c=d': x }",
  );
  const result = judged(one!);
  const hint = hintOf(() => assertPassed({ results: [result] }, [releaseNotes.id]));
  // A shell takes the quotes away.
  const typed = /--waive '(.*)'=REASON/.exec(hint)?.[1] ?? '';
  const waivers = parseWaivers([`${typed}=reviewed`], {
    known: [releaseNotes.id],
    checks: [releaseNotes.id],
    steps: [],
  });
  assert.equal(judged(one!, waivers).status, 'waived');
});

function hintOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return (error as { hint?: string }).hint ?? '';
  }
  return assert.fail('nothing was refused');
}
