import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertExit, withHost } from '../test/e2e/harness.ts';
import { fqdn, type TestHost } from '../test/e2e/host.ts';
import { labPath, labSpawn } from '../test/lab/host.ts';
import { run } from '../test/lab/process.ts';
import { median } from './bench-measure.ts';

/**
 * How long the sample's administration is away in an upgrade from 2026.1 to 2026.2, beside the same `helm
 * upgrade` typed by hand on another copy of the same host. What the chart's strategy costs is in both.
 */

const budgetSeconds = 2;
const limitMinutes = 20;
const timeoutMs = 600_000;

const folder = '/opt/ivaap';
/** What the upgrade gives Helm that the host of the older release does not have. */
const forHelm = ['IVAAPHelmTemplate', '.installer/values.overlay.yaml'];
const archives = ['docker-images.tar.gz', 'connectors/witsml.tar.gz'];
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' };

/**
 * Asks each twentieth of a second until its input ends; starts no program for it. A line an answer: Unix time
 * in seconds, and the status, or `none`.
 */
const probe = String.raw`trap '' PIPE
while :; do
  status=none
  {
    printf 'GET /admin/health HTTP/1.0\r\nHost: %s\r\n\r\n' "$0" >&3 && read -r -t 2 _ status _ <&3
  } 2>/dev/null 3<>/dev/tcp/127.0.0.1/80
  echo "$EPOCHREALTIME $status"
  read -r -t 0.05
  [ $? -gt 128 ] || break
done`;

/**
 * Seconds without a good answer: of each time away, from the last good answer before it to the first one
 * after it. Throws where the first or the last answer is none, since that time has no end then.
 */
export function secondsAway(lines: string): number {
  const answers = lines
    .trim()
    .split('\n')
    .map((line) => ({ at: Number.parseFloat(line), isGood: line.endsWith(' 200') }));
  const [first] = answers;
  if (first?.isGood !== true || answers.at(-1)?.isGood !== true)
    throw new Error('the administration has to answer at the begin and at the end of the measurement');
  let seconds = 0;
  let lastGoodAt = first.at;
  let wasGood = true;
  for (const { at, isGood } of answers) {
    if (isGood && !wasGood) seconds += at - lastGoodAt;
    if (isGood) lastGoodAt = at;
    wasGood = isGood;
  }
  return seconds;
}

/**
 * Does the work while the administration is probed through the ingress; gives the seconds that it was
 * away.
 */
async function awayDuring(host: TestHost, work: () => Promise<void>): Promise<number> {
  const { child } = labSpawn(host.name, ['bash', '-c', probe, fqdn]);
  let lines = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (lines += text));
  const closed = once(child, 'close');
  try {
    await sleep(1000);
    await work();
    await host.untilHealthy();
    await sleep(2000);
  } finally {
    child.stdin?.end();
    await closed;
  }
  return secondsAway(lines);
}

interface ByHand {
  /** Helm's command, as the upgrade has run it. */
  argv: string[];
  /** A tar of what it reads. */
  files: string;
}

/** By the log of the upgrade. */
async function helmOf(host: TestHost): Promise<string[]> {
  const { stdout } = await host.shell(`cat ${folder}/.installer/logs/*-upgrade.jsonl`);
  const argv = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step?: string; argv?: string[] })
    .findLast(({ step, argv: [, verb] = [] }) => step === 'upgrade_helm' && verb === 'upgrade')?.argv;
  if (argv === undefined) throw new Error("the upgrade's log has no command of Helm's");
  return argv;
}

/** The upgrade as an operator types it; gives what repeats its Helm without it. */
async function byInstaller(host: TestHost, files: string): Promise<{ seconds: number; byHand: ByHand }> {
  await host.package('2026.2');
  const seconds = await awayDuring(host, async () => {
    const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs });
    await assertExit(host, result, 0, 'install --upgrade');
  });
  const argv = await helmOf(host);
  await run('tar', ['-C', labPath(host.name, folder), '-cf', files, ...forHelm]);
  return { seconds, byHand: { argv, files } };
}

/** Images first, as the upgrade does it; the values file is the host's own, and so is Helm. */
async function withHelmAlone(host: TestHost, { argv, files }: ByHand): Promise<number> {
  const archive = '/root/images.tar.gz';
  for (const name of archives) {
    const extracted = await host.ivaap('2026.2', ['extract-file', name, archive]);
    await assertExit(host, extracted, 0, `extract-file ${name}`);
    await host.shell(`k3s ctr images import ${archive}; rm ${archive}`, { env, timeoutMs });
  }
  await host.shell(`rm -r ${folder}/${forHelm[0]}`);
  await run('tar', ['-C', labPath(host.name, folder), '-xf', files]);
  return awayDuring(host, async () => {
    const { code, stdout, stderr } = await host.run(argv, { env, timeoutMs });
    if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}\n${stdout}${stderr}`);
  });
}

interface DowntimeBench {
  runs: number;
  say: (text: string) => void;
}

/** The table's rows, the headings first: one for each run, and their medians beside the budget. */
export async function downtimeBench({ runs, say }: DowntimeBench): Promise<string[][]> {
  const measured: [ours: number, reference: number, more: number][] = [];
  const scratch = mkdtempSync(join(tmpdir(), 'ivaap-bench-'));
  const onCopy = <T>(work: (host: TestHost) => Promise<T>) =>
    withHost('installed-2026.1', limitMinutes, work);
  try {
    for (let number = 1; number <= runs; number += 1) {
      say(`run ${number} of ${runs}: the upgrade …`);
      const { seconds, byHand } = await onCopy((host) => byInstaller(host, join(scratch, 'files.tar')));
      say(`run ${number} of ${runs}: away for ${seconds.toFixed(2)} s; the same Helm by hand …`);
      const reference = await onCopy((host) => withHelmAlone(host, byHand));
      say(`run ${number} of ${runs}: away for ${reference.toFixed(2)} s`);
      measured.push([seconds, reference, seconds - reference]);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const cells = (values: readonly number[]) => values.map((value) => `${value.toFixed(2)} s`);
  const medians = [0, 1, 2].map((column) => median(measured.map((row) => row[column]!)));
  const verdict = medians[2]! <= budgetSeconds ? 'OK' : 'MISSED';
  return [
    ['run', 'install --upgrade', 'helm upgrade by hand', 'difference', 'budget', 'verdict'],
    ...measured.map((row, at) => [String(at + 1), ...cells(row), '', '']),
    ['median', ...cells(medians), `<= ${budgetSeconds} s`, verdict],
  ];
}
