import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { SigningKeys } from '../../build/signing.ts';
import { fingerprintOfKey } from '../../build/signing.ts';
import { emptyState } from '../../src/engine/state.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeKeys } from '../fixtures/signing-keys.ts';
import type { TinyOptions, TinyPayload } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

const vendor = makeKeys();
const keys = { vendor, other: makeKeys(), next: makeKeys([vendor]), none: 'none' as const };
type Name = keyof typeof keys;
const print = ({ key }: SigningKeys) => fingerprintOfKey(key);
const notice = /^note: this build is unsigned: /;

describe('the executable and whose it is', () => {
  const work = mkdtempSync(join(tmpdir(), 'trust-'));
  const folder = join(work, 'product');
  const installer = join(folder, '.installer');
  const packed = {} as Record<Name, TinyPayload>;
  before(async () => {
    const executable = builtExecutable();
    for (const name of Object.keys(keys) as Name[]) {
      packed[name] = await makeTinyPayload({ executable, keys: keys[name], product: { folder } });
    }
  });
  after(() => {
    for (const payload of Object.values(packed)) payload.remove();
    rmSync(work, { recursive: true });
  });

  const run = (name: Name, ...args: string[]) => runProgram([packed[name].path, ...args]);
  const verify = (by: Name, file: Name, ...args: string[]) => run(by, 'verify', packed[file].path, ...args);
  const withState = async (installed: object | undefined, ask: () => Promise<void>) => {
    mkdirSync(installer, { recursive: true });
    const facts = { version: '2025.9', payloadDigest: 'x', completedAt: '2026-01-01T00:00:00Z' };
    const state = { ...emptyState('tiny'), ...(installed && { installed: { ...facts, ...installed } }) };
    writeFileSync(join(installer, 'state.json'), JSON.stringify(state), { mode: 0o600 });
    try {
      await ask();
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  const starts = [
    ['-v'],
    ['--help'],
    ['manifest', '--summary'],
    ['verify'],
    ['verify', '--json'],
    ['nothing'],
    [],
  ];
  for (const args of starts) {
    it(`says on stderr that it is unsigned, and nothing of that when it is signed: ${args.join(' ')}`, async () => {
      const [unsigned, signed] = [await run('none', ...args), await run('vendor', ...args)];
      assert.match(unsigned.stderr, notice);
      assert.equal(unsigned.stderr.match(/unsigned/g)?.length, 1);
      assert.doesNotMatch(signed.stderr, /unsigned/);
      assert.doesNotMatch(unsigned.stdout, notice);
      assert.deepEqual([unsigned.exitCode, unsigned.stdout === ''], [signed.exitCode, signed.stdout === '']);
      if (args.includes('--json'))
        assert.equal((JSON.parse(unsigned.stdout) as { signature: null }).signature, null);
    });
  }

  it('compares another file with its own key where nothing is installed, and says so', async () => {
    const same = await verify('vendor', 'vendor');
    assert.equal(same.exitCode, 0, same.stderr);
    assert.match(same.stdout, /^trust: trusted: signed by the key of this program, tiny 2026\.1$/m);
    assert.match(same.stdout, /^executable .* XXH3-128 and SHA-256 per chunk/m);
    assert.match((await run('vendor', 'verify')).stdout, /^executable .* XXH3-128 per chunk/m);
    assert.match(same.stdout, /^compared with: this program, .* because \S+ records no completed install$/m);
    const other = await verify('vendor', 'other');
    assert.equal(other.exitCode, 4);
    assert.match(other.stdout, /^trust: REFUSED: /m);
    const ours = `this program, tiny 2026.1 is signed by ${print(vendor)}`;
    const both = `signed by ${print(keys.other)}, and ${ours}`;
    assert.ok(other.stderr.includes(both), other.stderr);
    const command = `${packed.vendor.path} verify ${packed.other.path} --trust-key ${print(keys.other)}`;
    assert.ok(other.stderr.includes(command), other.stderr);
  });

  const table: [by: Name, file: Name, flags: string[], exit: number][] = [
    ['vendor', 'next', [], 0],
    ['next', 'vendor', [], 4],
    ['vendor', 'none', [], 4],
    ['vendor', 'none', ['--trust-key', 'unsigned'], 0],
    ['none', 'none', [], 4],
    ['none', 'none', ['--trust-key', 'unsigned'], 0],
    ['none', 'vendor', [], 4],
    ['none', 'vendor', ['--trust-key', print(vendor)], 0],
    ['vendor', 'other', ['--trust-key', print(keys.other)], 0],
    ['vendor', 'other', ['--trust-key', print(vendor)], 4],
    ['vendor', 'vendor', ['--trust-key', print(keys.other)], 4],
    ['vendor', 'other', ['--trust-key', 'abc'], 2],
  ];
  for (const [by, file, flags, exit] of table) {
    it(`${by} verifies ${file} ${flags.join(' ').slice(0, 24)}: exit ${exit}`, async () => {
      const { exitCode, stdout, stderr } = await verify(by, file, ...flags);
      assert.equal(exitCode, exit, stdout + stderr);
    });
  }

  it('takes --trust-key for another file only', async () => {
    const { exitCode, stderr } = await run('vendor', 'verify', '--trust-key', print(vendor));
    assert.equal(exitCode, 2);
    assert.match(stderr, /applies only to another file/);
  });

  it("compares with the installed release's key where there is one, whoever asks", async () => {
    await withState({ key: print(keys.other) }, async () => {
      const refused = await verify('vendor', 'vendor');
      assert.equal(refused.exitCode, 4);
      assert.ok(
        refused.stderr.includes(`and the installed release 2025.9 is signed by ${print(keys.other)}`),
      );
      const { exitCode, stdout } = await verify('vendor', 'other', '--json');
      assert.equal(exitCode, 0);
      const { trust } = JSON.parse(stdout) as { trust: Record<string, string> };
      const source = join(installer, 'state.json');
      assert.deepEqual(trust, {
        verdict: 'trusted',
        because: 'signed by the key of the installed release 2025.9',
        comparedWith: 'the installed release 2025.9',
        source,
        key: print(keys.other),
      });
    });
    await withState({ key: print(vendor) }, async () => {
      assert.equal((await verify('other', 'next')).exitCode, 0, 'the installed key hands over');
    });
    await withState({}, async () => {
      const { exitCode, stdout, stderr } = await verify('vendor', 'other');
      assert.equal(exitCode, 4);
      assert.match(stdout, /^trust: NOT COMPARED: .* the key of the installed release 2025\.9 is not known/m);
      assert.match(
        stderr,
        new RegExp(`nothing could be compared\n.* --trust-key ${print(keys.other)}$`, 'm'),
      );
    });
    await withState(undefined, async () => {
      assert.equal(
        (await verify('vendor', 'other')).exitCode,
        4,
        'an install that has not completed says nothing',
      );
    });
  });

  it('compares with its own key, and says why, when the state cannot be read', async () => {
    await withState({ key: print(keys.other) }, async () => {
      writeFileSync(join(installer, 'state.json'), '{');
      const { exitCode, stdout } = await verify('vendor', 'vendor');
      assert.equal(exitCode, 0);
      assert.match(stdout, /because the state file .* is damaged/);
    });
  });

  it('does the same for somebody who is not root', async () => {
    await withState({ key: print(keys.other) }, async () => {
      chmodSync(work, 0o755);
      for (const { folder: packages } of Object.values(packed)) chmodSync(packages, 0o755);
      const argv = [packed.vendor.path, 'verify', packed.vendor.path, '--json'] as const;
      const { exitCode, stdout, stderr } = await runProgram([...argv], { uid: 65_534 });
      assert.equal(exitCode, 0, stderr);
      const { trust } = JSON.parse(stdout) as { trust: Record<string, string> };
      assert.deepEqual([trust.verdict, trust.source, trust.key], ['trusted', 'this program', print(vendor)]);
      assert.match(trust.insteadOfState!, /state\.json cannot be read: EACCES/);
    });
  });

  it('says in every help that it is not as it was signed, and exits 4', async () => {
    const copy = join(work, 'other-signature');
    const bytes = readFileSync(packed.vendor.path);
    const place = bytes.lastIndexOf('\nsignature: ') + 20;
    bytes.write(bytes.subarray(place, place + 1).toString() === 'A' ? 'B' : 'A', place);
    writeFileSync(copy, bytes, { mode: 0o755 });
    for (const args of [
      ['--help'],
      ['-h'],
      ['help'],
      ['help', 'install'],
      ['install', '--help'],
      ['verify', '-h'],
    ]) {
      const whole = await run('vendor', ...args);
      assert.deepEqual([whole.exitCode, whole.stderr], [0, ''], args.join(' '));
      const { exitCode, stdout, stderr } = await runProgram([copy, ...args]);
      assert.equal(exitCode, 4, args.join(' '));
      // Health routes are the payload's, and nothing of this one is believed. Where a command is broken
      // depends on the length of the program's path.
      const withoutHealth = (text: string) =>
        text
          .replaceAll(/^ +(?:upgrade_)?health_.*\n/gm, '')
          .replaceAll(/ \\\n +/g, ' ')
          .replaceAll(/ {2,}/g, ' ');
      assert.equal(withoutHealth(stdout.replaceAll(copy, packed.vendor.path)), withoutHealth(whole.stdout));
      assert.match(stderr, /^error: this executable is damaged: the signature in its trailer is not valid$/m);
    }
  });

  it('refuses a file of which the signature or what it covers changed', async () => {
    const bytes = readFileSync(packed.vendor.path);
    const copy = join(work, 'tampered');
    copyFileSync(packed.vendor.path, copy);
    const at = (text: string) => bytes.lastIndexOf(text) + text.length;
    for (const place of [at('\nsignature: ') + 4, at('\nkey: ed25519 ') + 4]) {
      const changed = Buffer.from(bytes);
      changed.write(changed.subarray(place, place + 1).toString() === 'A' ? 'B' : 'A', place);
      writeFileSync(copy, changed);
      for (const argv of [
        [copy, '-v'],
        [packed.vendor.path, 'verify', copy],
      ] as const) {
        const { exitCode, stderr } = await runProgram([...argv]);
        assert.equal(exitCode, 4);
        assert.match(stderr, /is damaged: the signature in its trailer is not valid/);
      }
    }
  });

  it('says what the release of another file is to the one that it was compared with', async () => {
    const others: Record<string, TinyPayload> = {};
    const make = async (name: string, options: TinyOptions) => {
      others[name] = await makeTinyPayload({ keys: vendor, product: { folder }, ...options });
    };
    await make('older', { version: '2025.4' });
    await make('newer', { version: '2026.2' });
    await make('build', { bigLayerBytes: 1000 });
    await make('product', { product: { folder, name: 'other' } });
    // The installed key hands over, but for a product that is not the one installed.
    await make('lured', { keys: keys.next, product: { folder, name: 'other' } });
    const rows: [name: string, exit: number, verdict: string, line: RegExp][] = [
      ['older', 0, 'older', /: OLDER than this program, tiny 2026\.1: an upgrade to it is refused$/],
      ['newer', 0, 'newer', /: newer than this program/],
      ['build', 0, 'another build of the same version', /: ANOTHER BUILD of the version of this program/],
      ['product', 4, 'another product', /^release: other 2026\.1: ANOTHER PRODUCT than this program/],
      ['lured', 4, 'another product', /: ANOTHER PRODUCT/],
    ];
    try {
      for (const [name, exit, verdict, line] of rows) {
        const file = others[name]!.path;
        const text = await run('vendor', 'verify', file);
        assert.equal(text.exitCode, exit, text.stderr);
        assert.match(
          text.stdout.split('\n').find((one) => one.startsWith('release: '))!,
          line,
        );
        const { stdout } = await run('vendor', 'verify', file, '--json');
        const { release } = JSON.parse(stdout.split('\n')[0]!) as { release: Record<string, string> };
        assert.deepEqual([release.verdict, release.comparedWith], [verdict, '2026.1']);
        if (exit === 0) continue;
        assert.match(
          text.stderr,
          /is not trusted: it belongs to the product other, and this program, tiny 2026\.1 to tiny$/m,
        );
        const key = print(name === 'lured' ? keys.next : vendor);
        assert.equal((await run('vendor', 'verify', file, '--trust-key', key)).exitCode, 4);
      }
      await withState({ key: print(vendor) }, async () => {
        const { exitCode, stderr } = await run('next', 'verify', others['lured']!.path);
        assert.equal(exitCode, 4);
        assert.match(stderr, /and the installed release 2025\.9 to tiny$/m);
      });
    } finally {
      for (const payload of Object.values(others)) payload.remove();
    }
  });

  it('gives an auditor what was hashed with what, by whom and when, entry by entry', async () => {
    const { exitCode, stdout, stderr } = await verify('vendor', 'next', '--full', '--json');
    assert.deepEqual([exitCode, stderr], [0, '']);
    const report = JSON.parse(stdout) as {
      file: Record<string, unknown>;
      checkedBy: Record<string, string>;
      begunAt: string;
      endedAt: string;
      signature: { fingerprint: string; holds: boolean; handovers: object[] };
      entries: { name: string; sha256: string; crc32: string; verdict: string }[];
      parts: { what: string; method: string; verdict: string }[];
    };
    const { index, path } = packed.next;
    assert.deepEqual([report.file.path, report.file.size], [path, index.fileSize]);
    for (const name of ['device', 'inode', 'modifiedAt']) assert.match(String(report.file[name]), /^\d/);
    assert.deepEqual(report.checkedBy, {
      program: 'tiny 2026.1',
      format: '1.0',
      node: report.checkedBy.node,
    });
    assert.match(report.checkedBy.node!, /^v24\./);
    assert.ok(Date.parse(report.begunAt) <= Date.parse(report.endedAt));
    const { handovers, ...signature } = report.signature;
    assert.deepEqual([signature.fingerprint, signature.holds], [print(keys.next), true]);
    assert.deepEqual(handovers, [{ fingerprint: print(vendor), holds: true }]);
    const wanted = index.entries.map(({ name, sha256, crc32 }) => ({
      name,
      sha256,
      crc32,
      verdict: 'intact',
    }));
    const found = report.entries.map(({ name, sha256, crc32, verdict }) => ({
      name,
      sha256,
      crc32,
      verdict,
    }));
    assert.deepEqual(found, wanted);
    assert.ok(report.parts.every(({ verdict }) => verdict === 'intact'));
    assert.match(report.parts[0]!.method, /XXH3-128 and SHA-256/);
  });

  it('names the damaged entry among the others with --full', async () => {
    const { index, path } = packed.vendor;
    const chart = index.entries.find(({ name }) => name.endsWith('Chart.yaml'))!;
    const copy = join(work, 'damaged');
    const bytes = readFileSync(path);
    bytes[chart.offset]! ^= 1;
    writeFileSync(copy, bytes);
    const { exitCode, stdout, stderr } = await run('vendor', 'verify', copy, '--full');
    assert.equal(exitCode, 4);
    assert.match(stderr, new RegExp(`damaged: ${chart.name} `));
    const verdicts = stdout.split('\n').filter((line) => / (intact|DAMAGED) +[0-9a-f]{64} /.test(line));
    assert.equal(verdicts.length, index.entries.length);
    assert.deepEqual(
      verdicts.filter((line) => / DAMAGED /.test(line)).map((line) => line.split(' ')[0]),
      [chart.name],
    );
  });
});
