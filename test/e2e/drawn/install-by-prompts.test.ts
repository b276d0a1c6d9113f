import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { Terminal } from '../../fixtures/terminal.ts';
import { differences } from '../fingerprint.ts';
import { licenseText } from '../golden.ts';
import { chapters, withHost } from '../harness.ts';
import { fqdn, type TestHost } from '../host.ts';
import { inventory } from '../inventory.ts';
import { readState } from '../state.ts';
import { typeAtTerminal } from '../typed.ts';

/** A person at a terminal installs on a bare node: asked for all of it, one step back, and stopped once. */

const version = '2026.1';
const license = '/root/license.json';
const [enter, esc, up, ctrlC] = ['\r', '\u001B', '\u001B[A', '\u0003'];

/** `./ivaap ARGS` in the folder of the package, on a terminal of so many columns. */
async function typed(host: TestHost, args: string, columns = 80): Promise<Terminal> {
  return typeAtTerminal(host, `./ivaap ${args}`, { folder: dirname(await host.package(version)), columns });
}

test('an install by prompts', async (t) => {
  await withHost('bare', 12, async (host) => {
    const chapter = chapters(t, host);
    await host.writeFile(license, licenseText, '0600');
    await host.package(version);
    const before = await inventory(host);

    await chapter('Ctrl-C at a question is 130, and the host is as it was', async () => {
      using terminal = await typed(host, 'install', 40);
      await terminal.answer(/licence of IVAAP/, `${license}${enter}`);
      await terminal.answer(/Under which name/, ctrlC);
      assert.equal(await terminal.exitCode(), 130, terminal.text);
      assert.equal(differences(before, await inventory(host)), '');
    });

    await chapter('all answers by prompts, with one way back: the release runs with them', async () => {
      using terminal = await typed(host, 'install');
      await terminal.answer(/licence of IVAAP/, `/root/none.json${enter}`);
      await terminal.answer(/cannot be read/, '\u0015');
      await terminal.answer(/licence of IVAAP/, `${license}${enter}`);
      await terminal.answer(/its own names/, up);
      await terminal.answer(/● another name/, enter);
      await terminal.answer(/in DNS or in \/etc\/hosts/, `${fqdn}${enter}`);
      await terminal.answer(/Where is the database[^]*\/opt\/ivaap\/postgres \([^)]*free on/, esc);
      await terminal.answer(/Under which name/, enter);
      await terminal.answer(/in DNS or in \/etc\/hosts/, enter);
      await terminal.answer(/Where is the database/, enter);
      await terminal.answer(/Which connectors[^]*witsml/, enter);
      await terminal.answer(/like this\?/, enter);
      assert.equal(await terminal.exitCode(300_000), 0, terminal.text);
      await host.untilHealthy();
      const { installed, run } = await readState(host);
      assert.equal(installed?.version, version);
      assert.deepEqual(run?.answers, {
        fqdn,
        storagePath: '/opt/ivaap/postgres',
        license,
        connectors: 'witsml',
      });
    });

    await chapter('what was answered is printed as the file that repeats it', async () => {
      const { code, stdout } = await host.ivaap(version, ['install', '--print-answers']);
      assert.equal(code, 0);
      assert.match(
        stdout,
        new RegExp(
          `license: ${license}\nfqdn: ${fqdn}\nstoragePath: /opt/ivaap/postgres\nconnectors:\n  - witsml\n`,
        ),
      );
    });
  });
});
