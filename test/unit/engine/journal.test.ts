import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { Journal } from '../../../src/engine/journal.ts';
import { readState } from '../../../src/engine/state.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { openJournal, runSpec, statePath } from './sample-graph.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const facts = { inputsHash: 'x', revision: 1 };

async function completeStep(journal: Journal, id: string, out: Record<string, string>) {
  await journal.stepRunning(id, facts, []);
  await journal.stepCompleted(id, out);
}

test('the state file is written 0600 in a folder 0700, and no temporary file is left', async () => {
  const path = join(folder, 'fresh/.installer/state.json');
  const journal = await Journal.open({ path, product: 'sample' });
  await assert.rejects(stat(path), 'opening changes nothing');
  await journal.startRun(runSpec, ['a']);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
  await assert.rejects(stat(`${path}.partial`));
  assert.equal((await readState(path))?.run?.to, '2026.2');
});

test('the state of a host without one is absent, and a damaged one is refused, never read as empty', async () => {
  assert.equal(await readState(join(folder, 'none.json')), undefined);
  for (const text of ['', '{', 'null', '[]', '{"schema":{"major":1,"minor":0}}']) {
    const path = join(folder, 'damaged.json');
    await writeFile(path, text);
    for (const read of [() => readState(path), () => Journal.open({ path, product: 'sample' })]) {
      await assert.rejects(read, (error: unknown) => {
        assert.ok(error instanceof IvaapError);
        assert.equal(error.code, 'preflight');
        assert.match(error.message, /damaged/);
        return true;
      });
    }
    assert.equal(await readFile(path, 'utf8'), text);
  }
});

test('a state of an unknown major is refused by name', async () => {
  const disk = new FaultyDisk();
  await disk.write(statePath, JSON.stringify({ schema: { major: 2, minor: 3 }, anything: true }));
  await assert.rejects(openJournal(disk), (error: unknown) => {
    assert.ok(error instanceof IvaapError);
    assert.equal(error.code, 'version');
    assert.match(error.message, /schema 2\.3/);
    return true;
  });
});

test('a state that cannot be read at all says that, and what to do', async () => {
  await assert.rejects(readState(folder), (error: unknown) => {
    assert.ok(error instanceof IvaapError);
    assert.match(error.message, /is a folder, not a regular file/);
    return true;
  });
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const disk = Object.assign(new FaultyDisk(), { read: () => Promise.reject(denied) });
  await assert.rejects(readState(statePath, disk), (error: unknown) => {
    assert.ok(error instanceof IvaapError);
    assert.match(error.message, /cannot be read/);
    assert.match(error.hint ?? '', /root/);
    return true;
  });
});

test('a link or a pipe in the place of the state is not read, and nothing of its target is printed', async () => {
  const secret = join(folder, 'secret');
  await writeFile(secret, 'root:a-secret');
  await symlink(secret, join(folder, 'link.json'));
  execFileSync('mkfifo', [join(folder, 'pipe.json')]);
  for (const [name, what] of [
    ['link.json', /is a link/],
    ['pipe.json', /is a device or a pipe/],
  ] as const) {
    await assert.rejects(readState(join(folder, name)), (error: unknown) => {
      assert.ok(error instanceof IvaapError);
      assert.match(error.message, what);
      assert.ok(!JSON.stringify(describeError(error)).includes('root:'));
      return true;
    });
  }
});

test('fields of a newer binary survive a rewrite at every level, and so does its minor', async () => {
  const disk = new FaultyDisk();
  const journal = await openJournal(disk);
  await journal.startRun(runSpec, ['a', 'b']);
  await completeStep(journal, 'a', { dump: '/x' });
  const raw = JSON.parse((await disk.read(statePath)) ?? '');
  raw.schema.minor = 9;
  raw.future = { deep: [1] };
  raw.run.mood = 'calm';
  raw.run.steps.a.heat = 3;
  await disk.write(statePath, JSON.stringify(raw));
  const older = await openJournal(disk);
  await completeStep(older, 'b', {});
  const rewritten = JSON.parse((await disk.read(statePath)) ?? '');
  assert.equal(rewritten.schema.minor, 9);
  assert.deepEqual(rewritten.future, { deep: [1] });
  assert.equal(rewritten.run.mood, 'calm');
  assert.equal(rewritten.run.steps.a.heat, 3);
});

test("another product's state is refused", async () => {
  const disk = new FaultyDisk();
  await (await openJournal(disk)).startRun(runSpec, []);
  await assert.rejects(openJournal(disk, { product: 'other' }), /belongs to sample, not to other/);
});

test('changes are written one after the other, in the order in which they were asked for', async () => {
  const disk = new FaultyDisk();
  const journal = await openJournal(disk);
  await journal.startRun(runSpec, []);
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      journal.update((draft) => {
        draft.derived['trail'] = `${String(draft.derived['trail'] ?? '')}${index},`;
      }),
    ),
  );
  assert.equal(
    (await openJournal(disk)).state.derived['trail'],
    `${Array.from({ length: 20 }, (_, index) => index).join(',')},`,
  );
});

test('an unfinished run resumes only with the same flow, payload and from-version; otherwise it is superseded', async () => {
  const disk = new FaultyDisk();
  const journal = await openJournal(disk);
  assert.deepEqual(await journal.startRun(runSpec, ['a']), { resumed: false });
  const first = journal.run?.id;
  await completeStep(journal, 'a', { dump: '/one' });
  assert.deepEqual(await journal.startRun({ ...runSpec, binary: '/moved' }, ['a']), { resumed: true });
  assert.equal(journal.run?.id, first);
  assert.equal(journal.run?.binary, '/moved');
  assert.deepEqual(await journal.startRun({ ...runSpec, payloadDigest: 'b' }, ['a']), { resumed: false });
  assert.notEqual(journal.run?.id, first);
  assert.deepEqual(journal.run?.steps, {});
  assert.deepEqual(
    journal.state.history.map(({ id, status }) => ({ id, status })),
    [{ id: first, status: 'superseded' }],
  );
});

test('a fresh start clears the derived keys that are named, and steps, and keeps the others, anchors and the point of no return', async () => {
  const journal = await openJournal(new FaultyDisk());
  await journal.startRun(runSpec, ['dump', 'helm']);
  await journal.update((draft) => {
    draft.derived = { volume: { found: '/srv' }, entitlements: ['a'] };
  });
  await completeStep(journal, 'dump', { pgDump: '/first' });
  await journal.stepRunning('helm', facts, []);
  await journal.pointOfNoReturn('helm', { pid: 7 });
  await journal.runFailed({ code: 'failed', message: 'x' });
  await journal.startRun(runSpec, ['dump', 'helm'], { fresh: true, clears: ['pgDump'] });
  assert.deepEqual(Object.keys(journal.state.derived), ['volume', 'entitlements']);
  assert.deepEqual(journal.run?.steps, {});
  assert.equal(journal.run?.pointOfNoReturn?.step, 'helm');
  await completeStep(journal, 'dump', { pgDump: '/second' });
  await journal.stepRunning('helm', facts, []);
  await journal.pointOfNoReturn('helm', { pid: 8 });
  assert.equal(journal.state.derived['pgDump'], '/second');
  assert.deepEqual(journal.state.anchors['2026.1']?.derived, { pgDump: '/first' });
});

test("an anchor holds this run's own results, not what an earlier upgrade left in the derived keys", async () => {
  const journal = await openJournal(new FaultyDisk());
  await journal.startRun(runSpec, ['dump']);
  await completeStep(journal, 'dump', { pgDump: '/of-the-first-upgrade' });
  await journal.runCompleted();
  await journal.startRun({ ...runSpec, from: '2026.2', to: '2026.3', payloadDigest: 'c' }, ['snap', 'helm']);
  await completeStep(journal, 'snap', { snapshot: '/s' });
  await journal.stepRunning('helm', facts, []);
  await journal.pointOfNoReturn('helm', {});
  assert.deepEqual(journal.state.anchors['2026.2']?.derived, { snapshot: '/s' });
});

test('anchors are kept until an upgrade to another version completes', async () => {
  const journal = await openJournal(new FaultyDisk());
  const upgrade = async (from: string, to: string) => {
    await journal.startRun({ ...runSpec, from, to, payloadDigest: to }, ['helm'], { fresh: true });
    await journal.stepRunning('helm', facts, []);
    await journal.pointOfNoReturn('helm', {});
    await journal.stepCompleted('helm', {});
    await journal.runCompleted();
    return Object.keys(journal.state.anchors);
  };
  assert.deepEqual(await upgrade('2026.1', '2026.2'), ['2026.1']);
  assert.deepEqual(await upgrade('2026.2', '2026.2'), ['2026.1', '2026.2']);
  assert.deepEqual(await upgrade('2026.2', '2027.1'), ['2026.2']);
});

test('a run with a waived step takes no anchor away and is recorded as not proved, until a run passes them all', async () => {
  const journal = await openJournal(new FaultyDisk());
  const upgrade = async (from: string, to: string, waived?: string) => {
    await journal.startRun({ ...runSpec, from, to, payloadDigest: to }, ['helm', 'health'], { fresh: true });
    await journal.stepRunning('helm', facts, []);
    await journal.pointOfNoReturn('helm', {});
    await journal.stepCompleted('helm', {});
    await journal.stepRunning('health', facts, []);
    if (waived !== undefined) await journal.stepWaived('health', { reason: waived, by: 'kari' });
    await journal.stepCompleted('health', {});
    await journal.runCompleted();
    return [Object.keys(journal.state.anchors), journal.state.installed?.waived];
  };
  await upgrade('2026.1', '2026.2');
  assert.deepEqual(await upgrade('2026.2', '2026.3', 'TLS'), [
    ['2026.1', '2026.2'],
    [{ step: 'health', reason: 'TLS' }],
  ]);
  assert.deepEqual(
    journal.state.waivers.map(({ id, reason, by }) => [id, reason, by]),
    [['health', 'TLS', 'kari']],
  );
  assert.deepEqual(await upgrade('2026.3', '2026.4'), [['2026.3'], undefined]);
});

test('two runs within one second have different ids', async () => {
  const clock = { now: () => new Date(0), monotonicMs: () => 0 };
  const journal = await openJournal(new FaultyDisk(), { clock });
  const ids = new Set<string>();
  for (let count = 0; count < 4; count += 1) {
    await journal.startRun(runSpec, [], { fresh: true });
    ids.add(journal.run?.id ?? '');
  }
  assert.equal(ids.size, 4);
});

test('a chain of unfinished runs keeps its first anchor, every version that was started and what was there before', async () => {
  const journal = await openJournal(new FaultyDisk());
  const start = async (to: string, options: { fresh?: boolean } = {}) => {
    await journal.startRun({ ...runSpec, to, payloadDigest: to }, ['dump', 'helm'], options);
    await completeStep(journal, 'dump', { pgDump: `/of-${to}` });
    await journal.originalRecorded('dump', { oldChart: `/kept-by-${to}` });
    await journal.stepRunning('helm', facts, []);
  };
  const versions = () => journal.run?.pointOfNoReturn?.versions;
  const passHelm = () => journal.pointOfNoReturn('helm', {});
  await start('2026.3');
  await start('2026.4');
  assert.equal(versions(), undefined);
  await passHelm();
  assert.deepEqual(journal.run?.originals, { oldChart: '/kept-by-2026.3' });
  await start('2026.2', { fresh: true });
  assert.equal(journal.run?.noReturnAt, undefined);
  assert.deepEqual(versions(), ['2026.4']);
  await passHelm();
  assert.notEqual(journal.run?.noReturnAt, undefined);
  assert.deepEqual(versions(), ['2026.4', '2026.2']);
  assert.deepEqual(journal.run?.originals, { oldChart: '/kept-by-2026.3' });
  assert.deepEqual(journal.state.anchors['2026.1']?.derived, { pgDump: '/of-2026.4' });
});

test('an upgrade from a version that has an anchor already gets its own, and the earlier one stays next to it', async () => {
  const journal = await openJournal(new FaultyDisk());
  for (const [to, dump] of [
    ['2026.1', '/first'],
    ['2026.1', '/second'],
    ['2026.2', '/third'],
  ] as const) {
    await journal.startRun({ ...runSpec, to, payloadDigest: dump }, ['dump', 'helm'], { fresh: true });
    await completeStep(journal, 'dump', { pgDump: dump });
    await journal.stepRunning('helm', facts, []);
    await journal.pointOfNoReturn('helm', {});
    await journal.stepCompleted('helm', {});
    await journal.runCompleted();
    assert.equal(journal.run?.originals, undefined);
  }
  const anchor = journal.state.anchors['2026.1'];
  assert.deepEqual(anchor?.derived, { pgDump: '/third' });
  assert.deepEqual(
    anchor.earlier?.map(({ derived }) => derived),
    [{ pgDump: '/first' }, { pgDump: '/second' }],
  );
});

test('a state whose releases are counted otherwise is refused; a fresh one records how they are', async () => {
  const path = join(folder, 'counted/state.json');
  const semver = await Journal.open({ path, product: 'sample', scheme: 'semver' });
  await semver.startRun({ ...runSpec, from: null, to: '2.2.0' }, ['a']);
  assert.equal((await readState(path))?.versionScheme, 'semver');
  await Journal.open({ path, product: 'sample', scheme: 'semver' });
  const text = await readFile(path, 'utf8');
  await assert.rejects(Journal.open({ path, product: 'sample' }), (error: unknown) => {
    assert.ok(error instanceof IvaapError);
    assert.equal(error.code, 'version');
    assert.match(error.message, /records 2\.2\.0, and has versions of the form MAJOR.* \(semver\)/);
    assert.match(error.message, /this package has YYYY\.N\[\.P\]\[-pre\] \(calver\), and the two cannot be/);
    return true;
  });
  assert.equal(await readFile(path, 'utf8'), text);
});

test('an anchor is found by the value of its version, whatever text that was recorded as', async () => {
  const path = join(folder, 'anchors/state.json');
  const journal = await Journal.open({ path, product: 'sample' });
  const upgrade = async (from: string, to: string) => {
    await journal.startRun({ ...runSpec, from, to }, ['a']);
    await completeStep(journal, 'a', { made: to });
    await journal.stepRunning('b', facts, []);
    await journal.pointOfNoReturn('b', {});
  };
  await upgrade('2026.1.0', '2026.2');
  await upgrade('2026.1', '2026.2.0');
  assert.deepEqual(Object.keys(journal.state.anchors), ['2026.1.0']);
  assert.deepEqual(journal.run?.pointOfNoReturn?.versions, ['2026.2']);
  await journal.stepCompleted('b', {});
  await journal.runCompleted();
  assert.deepEqual(Object.keys(journal.state.anchors), ['2026.1.0']);
  await upgrade('2026.2.0', '2026.3');
  await journal.stepCompleted('b', {});
  await journal.runCompleted();
  assert.deepEqual(Object.keys(journal.state.anchors), ['2026.2.0']);
});
