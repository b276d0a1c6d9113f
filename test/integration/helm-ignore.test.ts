import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chartFiles } from '../../build/chart-files.ts';
import { tarFiles } from '../../src/images/tar-files.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { labPrograms } from '../lab/programs.ts';

const plainFiles = [
  'values.yaml',
  'README.md',
  'notes.txt',
  'High Availability.md',
  'key.pem',
  '.hidden',
  '.gitignore',
  'docs/guide.md',
  'docs/notes.txt',
  'docs/deep/notes.txt',
  'files/a.json',
  'files/b.json',
  'files/[x].json',
  'files/deep/c.json',
  'templates/config.yaml',
  'templates/_helpers.tpl',
  'templates/.hidden.yaml',
  'templates/sub/.hidden.yaml',
  'templates/sub/more.yaml',
  'tests/one.yaml',
  'charts/_off/Chart.yaml',
  'charts/.off/Chart.yaml',
];

/** Texts of `.helmignore`; each leaves out what the real `helm package` leaves out. */
const texts: Record<string, string> = {
  nothing: '',
  'comments and blanks': '# *.md\n\n   \n  # notes.txt\n',
  'a name anywhere': 'notes.txt\n',
  'a star': '*.md\n',
  'blanks around and CRLF': '  *.md  \r\n\tnotes.txt\r\n',
  'a byte order mark': '\uFEFFREADME.md\n',
  'a folder with a slash behind it': 'docs/\n',
  'a folder without': 'docs\n',
  'a slash behind what is a file': 'notes.txt/\n',
  'a slash before it': '/notes.txt\n',
  'a path': 'docs/notes.txt\n',
  'a path with a star that stops at a slash': 'docs/*\n',
  'a star over folders that does not': '*/notes.txt\n',
  'hidden files': '.*\n',
  'a question mark': 'files/?.json\n',
  classes: 'files/[ab].json\n',
  'a negated class': 'files/[^a].json\n',
  'a range': 'files/[b-z].json\n',
  'an escaped bracket': 'files/\\[x\\].json\n',
  'a class that has a slash': 'files[/]a.json\n',
  'an exclamation mark in a class is a letter': 'files/[!a].json\n',
  'a blank inside': 'High Availability.md\n',
  'keys and the hidden': '*.pem\n.hidden\n.gitignore\n',
  'negated, which leaves out the rest': '!*.yaml\n',
  'negated behind a match': '*.md\n!*.yaml\n',
  'negated folder': '!templates/\n',
  'negated alone': '!\n',
  'a lone slash': '/\n',
  'a hash behind a pattern is part of it': 'README.md # no\n',
  'below templates': 'templates/sub/\n',
};

describe('what belongs to a chart', () => {
  let folder: string;
  let helm: string;
  before(async () => {
    helm = (await labPrograms()).helm;
    folder = mkdtempSync(join(tmpdir(), 'helm-ignore-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  let count = 0;
  function chartOf(ignore: string, files: readonly string[] = plainFiles): string {
    const chart = join(folder, `chart${(count += 1)}`);
    mkdirSync(chart);
    const write = (name: string, text: string) => {
      mkdirSync(dirname(join(chart, name)), { recursive: true });
      writeFileSync(join(chart, name), text);
    };
    write('Chart.yaml', 'apiVersion: v2\nname: tiny\nversion: 1.0.0\n');
    for (const name of files) write(name, name.endsWith('.json') ? '{}\n' : '# nothing\n');
    write('.helmignore', ignore);
    return chart;
  }
  const ours = (chart: string) => chartFiles(chart, 'c', 'spec:1').map(({ name }) => name.slice(2));
  async function helms(chart: string): Promise<string[] | string> {
    const into = `${chart}.packed`;
    mkdirSync(into);
    const { exitCode, stderr } = await runProgram([helm, 'package', chart, '--destination', into]);
    if (exitCode !== 0) return stderr;
    const names: string[] = [];
    for await (const file of tarFiles(join(into, 'tiny-1.0.0.tgz')))
      names.push(file.name.slice(file.name.indexOf('/') + 1));
    return names.sort();
  }

  for (const [title, text] of Object.entries(texts))
    it(`is what Helm packages: ${title}`, async () => {
      const chart = chartOf(text);
      const packaged = await helms(chart);
      if (typeof packaged !== 'string') {
        assert.deepEqual(ours(chart), packaged);
        return;
      }
      assert.throws(() => ours(chart), { name: 'SpecError' }, packaged);
    });

  it('refuses the lines that Helm refuses, and quotes them', async () => {
    for (const line of ['docs/**', '[', 'a[', '[]', '[-a]', 'x\\']) {
      const chart = chartOf(`notes.txt\n${line}\n`);
      assert.equal(typeof (await helms(chart)), 'string', line);
      assert.throws(
        () => ours(chart),
        ({ message }: Error) => message.includes(JSON.stringify(line)),
        line,
      );
    }
  });

  it('takes the contents of links, and refuses those that lead nowhere or round', async () => {
    const chart = chartOf('');
    writeFileSync(join(folder, 'shared.tpl'), '# shared\n');
    symlinkSync('../../shared.tpl', join(chart, 'templates/shared.tpl'));
    symlinkSync('files', join(chart, 'linked'));
    assert.deepEqual(ours(chart), await helms(chart));
    assert.ok(ours(chart).includes('linked/a.json') && ours(chart).includes('templates/shared.tpl'));
    symlinkSync('nowhere', join(chart, 'dangling'));
    assert.throws(() => ours(chart), /dangling is a link that leads nowhere/);
    rmSync(join(chart, 'dangling'));
    symlinkSync('..', join(chart, 'docs/round'));
    assert.throws(() => ours(chart), /docs\/round is a link to a folder that it lies in/);
  });

  it("refuses a repository's own folder that nothing leaves out, and says what does", () => {
    const files = [...plainFiles, '.git/config', '.git/HEAD'];
    assert.throws(
      () => ours(chartOf('', files)),
      /\.git would be shipped .*: write \.git\/ into .*helmignore/,
    );
    assert.ok(!ours(chartOf('.git/\n', files)).some((name) => name.startsWith('.git/')));
  });
});
