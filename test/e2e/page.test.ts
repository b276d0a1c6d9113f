import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { guideLines } from '../fixtures/guide-names.ts';
import type { Terminal } from '../fixtures/terminal.ts';
import { licenseText } from './golden.ts';
import { assertExit, chapters, withHost } from './harness.ts';
import { fqdn, type TestHost } from './host.ts';
import { readState } from './state.ts';
import { Transcript } from './transcript.ts';
import { pathEnvironment, typeAtTerminal } from './typed.ts';
import { sampleWells } from './wells.ts';

/**
 * Every command line of the operators' guide "Upgrade With IVAAP Binary", in its order, typed as it is
 * printed, by one operator on one host: at a terminal where the guide has a person answer. What the others
 * print is kept in page.transcript.txt.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const licenseFile = '/root/license.json';
const old = '2026.1';
const target = '2026.2';
const nextMajor = '2027.1';
const enter = '\r';

/** Of the release that is installed already; its answer is that of `./ivaap manifest --summary` before. */
const notKept = 'ivaap manifest --summary';

/** One operator, who types in the folder of a package. */
class Operator {
  readonly typed: string[] = [];
  readonly transcript = new Transcript('page.transcript.txt');
  readonly #host: TestHost;

  constructor(host: TestHost) {
    this.#host = host;
  }

  /** Without a terminal; `says` is matched in stdout and stderr. */
  async types(version: string, line: string, exit: number, ...says: RegExp[]): Promise<string> {
    this.typed.push(line);
    const folder = dirname(await this.#host.package(version));
    const result = await this.#host.run(['bash', '-c', `cd ${folder} && ${line}`], {
      env: pathEnvironment,
      timeoutMs: 900_000,
    });
    await assertExit(this.#host, result, exit, line);
    const said = result.stdout + result.stderr;
    for (const pattern of says) assert.match(said, pattern, line);
    if (line !== notKept) this.transcript.add(line, exit, said);
    return said;
  }

  /** At a terminal, where `answers` types what a person answers. */
  async answers(
    version: string,
    line: string,
    exit: number,
    answers: (terminal: Terminal) => Promise<void>,
  ): Promise<string> {
    this.typed.push(line);
    const folder = dirname(await this.#host.package(version));
    using terminal = typeAtTerminal(this.#host, line, { folder });
    await answers(terminal);
    assert.equal(await terminal.exitCode(900_000), exit, `${line}\n${terminal.text}`);
    return terminal.text;
  }
}

const setAutoMigrate = (host: TestHost, flag: string) =>
  host.shell(`sed -i -E "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 '${flag}'|" ${valuesFile}`);

/** Answers once the question is there, however long what comes before it takes. */
async function answerLate(terminal: Terminal, question: RegExp, keys: string): Promise<void> {
  await terminal.shows(question, { timeoutMs: 900_000 });
  terminal.type(keys);
}

test('every command line of the guide, in its order, does what the guide says', async (t) => {
  await withHost('installed-2026.1', 60, async (host) => {
    const chapter = chapters(t, host);
    const operator = new Operator(host);
    const inNew = (line: string, exit: number, ...says: RegExp[]) =>
      operator.types(target, line, exit, ...says);
    const podsAreSettled = async () => {
      await host.untilHealthy(180);
      await host.until('no pod is being ended', 120, async () => {
        const { items } = await host.getJson<{ items: { metadata: { deletionTimestamp?: string } }[] }>(
          'pods',
        );
        return items.every(({ metadata }) => metadata.deletionTimestamp === undefined) ? true : undefined;
      });
    };

    await chapter('uninstall destroys the data, and install begins anew', async () => {
      await host.writeFile(licenseFile, licenseText, '0600');
      await operator.types(old, './ivaap activate', 0, /\bki\b/, /ivaap_pgdump/);
      const removed = await operator.answers(old, 'ivaap uninstall', 0, (terminal) =>
        terminal.answer(/This destroys the deployment of IVAAP[^]*its\s+name,\s+ivaap: /, `ivaap${enter}`),
      );
      assert.match(removed, /\/opt\/ivaap-last-[^/]+\/[^]*ivaapdb\.sql/);
      await operator.answers(old, './ivaap install', 0, async (terminal) => {
        await terminal.answer(/licence of IVAAP/, `${licenseFile}${enter}`);
        await terminal.answer(/its own names/, '\u001B[A');
        await terminal.answer(/● another name/, enter);
        await terminal.answer(/in DNS or in \/etc\/hosts/, `${fqdn}${enter}`);
        await terminal.answer(/Where is the database/, enter);
        await terminal.answer(/Which connectors/, enter);
        await terminal.answer(/like this\?/, enter);
      });
      await host.untilHealthy();
      assert.equal((await host.wells.list()).count, 0);
      await host.wells.add(sampleWells(200));
      await operator.types(old, './ivaap activate', 0, /on PATH now, version 2026\.1/);
    });

    await chapter('prerequisites: the installed release is complete, and may be upgraded', async () => {
      await inNew('ivaap status', 0, /may I upgrade\? /, /2026\.1 installed, complete/);
      await inNew('ivaap -v', 0, /^ivaap 2026\.1$/m);
      const notes = await inNew(
        './ivaap manifest --summary',
        0,
        /Release notes \(newer than the installed 2026\.1\)/,
      );
      assert.match(notes, /backend\.units -> backend\.unitSystem/);
      assert.match(notes, /one-way migration/);
      await inNew('./ivaap license-check', 0, /IVAAP_CONNECTOR_WITSML/);
    });

    await chapter('run the new package: stopped before it has begun, nothing is changed', async () => {
      await inNew('ivaap activate', 0, /on PATH already, version 2026\.1/);
      await inNew('./ivaap -v', 0, /^ivaap 2026\.2$/m);
      // The migration is left to a second window, as the guide's two-phase pattern does it.
      await setAutoMigrate(host, 'false');
      await operator.answers(target, './ivaap install --upgrade', 130, (terminal) =>
        answerLate(terminal, /payload|preflight/, '\u0003'),
      );
      const { installed, run } = await readState(host);
      assert.deepEqual([installed?.version, run?.flow], [old, 'install']);
    });

    await chapter('refresh the payload files', async () => {
      await inNew('ivaap manifest --summary', 0, /docker-images\.tar\.gz/);
      for (const [name, path] of [
        ['docker-images.tar.gz', '/opt/ivaap/docker-images.tar.gz'],
        ['connectors/witsml.tar.gz', '/opt/ivaap/connectors/witsml.tar.gz'],
      ] as const)
        await inNew(`./ivaap extract-file ${name} ${path}`, 0, /\.tar\.gz/);
    });

    await chapter('the procedure, with the offer at its end', async () => {
      await inNew('./ivaap license-check', 0, /IVAAP_CONNECTOR_WITSML/);
      await inNew('./ivaap -v', 0, /^ivaap 2026\.2$/m);
      const said = await operator.answers(target, './ivaap install --upgrade', 0, (terminal) =>
        answerLate(terminal, /Put IVAAP 2026\.2 on PATH[^]*\[y\/N\]/, `y${enter}`),
      );
      assert.match(said, /2026\.1 -> 2026\.2/);
      assert.match(said, /\.installer\/backups\//);
      assert.match(said, /schema\s+version\s+3,\s+unchanged/);
      assert.match(said, /on\s+PATH\s+now,\s+version\s+2026\.2/);
      await podsAreSettled();
      await inNew('ivaap status', 0, /2026\.2 installed, complete/);
      await inNew('ivaap -v', 0, /^ivaap 2026\.2$/m);
      await inNew('kubectl get pods -n ivaap', 0, /adminserver.*Running/, /postgres-0.*Running/);
    });

    await chapter('the second window: the flag, --reapply, and the pod that is deleted by hand', async () => {
      await inNew('./ivaap install --upgrade', 10, /--reapply/);
      await setAutoMigrate(host, 'true');
      await inNew('./ivaap install --upgrade --reapply', 2, /confirmation/, /--yes/);
      const said = await operator.answers(target, './ivaap install --upgrade --reapply', 0, (terminal) =>
        answerLate(terminal, /\[y\/N\]/, `y${enter}`),
      );
      assert.match(said, /delete pod[^]*-l\s+app=adminserver/);
      assert.equal(await host.schemaVersion(), 3);
      await inNew('ki ivaap delete pod -l app=adminserver', 0, /pod "adminserver-[^"]*" deleted/);
      await host.until('the schema is 5', 180, async () =>
        (await host.schemaVersion()) === 5 ? true : undefined,
      );
      await podsAreSettled();
      assert.match(await host.wells.checksum(), /^200 in schema 5,/);
    });

    await chapter('a dump by hand, into the folder where it is typed', async () => {
      await inNew('cd /root && ivaap_pgdump', 0, /\/root\/ivaapdb-[^ ]*\.sql: /);
      await host.shell("grep -q 'PostgreSQL database dump complete' /root/ivaapdb-*.sql");
    });

    await chapter('the flags: what excludes --upgrade, and the dry run of the next major', async () => {
      await inNew('./ivaap install --upgrade --resume', 2, /--resume/);
      await inNew('./ivaap install --upgrade --rollback-to postgres', 2, /--rollback-to/);
      await inNew('./ivaap install --resume --rollback-to postgres', 2, /--rollback-to/);
      const plan = await operator.types(
        nextMajor,
        './ivaap install --upgrade --dry-run',
        0,
        /upgrade_preflight/,
        /upgrade_health_admin/,
      );
      assert.match(plan, /Release notes\n\S* +2027\.1/);
      assert.equal((await readState(host)).installed?.version, target);
    });

    await chapter('failure recovery and support artefacts', async () => {
      await inNew('./ivaap install --upgrade', 10, /--reapply/);
      await inNew('ivaap status', 0, /\/opt\/ivaap\/\.installer\/backups\//);
      await inNew('ivaap -v', 0, /^ivaap 2026\.2$/m);
      assert.equal((await readState(host)).installed?.version, target);
    });

    await chapter('no command line of the guide was left out, and their order is the guide’s', () => {
      const words = (line: string) => line.replace(/^(cd \S+ && )?(\.\/)?(ivaap )?/, '');
      const left = operator.typed.map(words);
      for (const { line } of guideLines) {
        const at = left.indexOf(words(line));
        assert.notEqual(at, -1, `${line} was not typed, or not in its place`);
        left.splice(0, at + 1);
      }
      return Promise.resolve();
    });

    await chapter('what the lines print is what is kept', () => {
      operator.transcript.assertKept();
      return Promise.resolve();
    });
  });
});
