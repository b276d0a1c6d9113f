import { chalk } from 'zx';
import { executable } from '../test/e2e/executables.ts';
import { labDown, labExec, labSpawn, labUp } from '../test/lab/host.ts';
import { commandLine } from '../build/command-line.ts';

/**
 * `./scripts/demo [--keep]`: a real node, the older release installed, wells written through the product, the
 * newer one upgraded to by the real executable, and the wells read back. Everything below `host#` is typed
 * inside the node.
 */

const { values } = commandLine('usage: scripts/demo [--keep]', { keep: { type: 'boolean', default: false } });
const name = 'demo';
const fqdn = 'ivaap.example.com';
const columns = Math.min(process.stdout.columns ?? 100, 120);

const say = (line: string) => console.log(`${chalk.bold('==>')} ${line}`);

/** Types a command in the node, shown as it is typed, with its output as it comes. */
async function type(line: string): Promise<void> {
  console.log(`\n${chalk.bold('host#')} ${line}`);
  const tty = process.stdout.isTTY ? { tty: { columns } } : {};
  const { child } = labSpawn(name, ['bash', '-c', line], { ...tty, cwd: '/root' });
  child.stdin?.end();
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const code = await new Promise<number | null>((ended) => child.on('close', ended));
  if (code !== 0) throw new Error(`"${line}" ended with ${code}`);
}

/** Carries a release's package across the air gap: one file in a folder of its own. */
async function carry(version: string): Promise<void> {
  const file = await executable(version);
  const folder = `/root/ivaap-${version}`;
  const command = `mkdir -p ${folder} && cp --reflink=auto ${file} ${folder}/ivaap && ls -lh ${folder}/ivaap`;
  const { code, stdout, stderr } = await labExec(name, ['bash', '-c', command]);
  if (code !== 0) throw new Error(`cannot carry ${file} into the node: ${stderr}`);
  process.stdout.write(stdout);
}

const wells = JSON.stringify(
  ['Troll A-1', 'Troll A-2', 'Åsgard B-7'].map((well, index) => ({
    name: well,
    field: well.split(' ')[0],
    operator: 'Sample Energy',
    depthFt: 9000 + index * 250.5,
    latitude: 60.6 + index / 100,
    longitude: 3.7 + index / 100,
  })),
);
const license = {
  product: 'ivaap',
  customer: 'Demo',
  serial: 'DEMO-1',
  expires: '2099-12-31',
  entitlements: ['IVAAP_CONNECTOR_WITSML'],
};
const api = `-sS -H 'Host: ${fqdn}' http://127.0.0.1/admin/api/wells`;

async function demo(): Promise<void> {
  say('building two releases of the sample product, each one executable (a minute at first)');
  for (const version of ['2026.1', '2026.2']) console.log(`    ${version}: ${await executable(version)}`);

  say('starting a real node: kube-apiserver, kubelet, containerd, Traefik, CoreDNS');
  await labDown(name); // What an interrupted demo may have left.
  await labUp(name, { say: (line) => console.log(`    ${line}`) });

  say('copying both files to the node, across the air gap');
  await carry('2026.1');
  await carry('2026.2');
  await labExec(name, ['bash', '-c', 'cat > license.json'], { input: JSON.stringify(license) });

  say('installing 2026.1');
  await type(`cd ivaap-2026.1 && ./ivaap install --fqdn ${fqdn} --license ../license.json --yes`);
  say('writing wells through the product');
  await labExec(name, ['bash', '-c', 'cat > wells.json'], { input: wells });
  await type(`curl ${api} -H 'content-type: application/json' --data-binary @wells.json`);
  await type(`curl ${api}`);

  say('upgrading to 2026.2');
  await type('cd ivaap-2026.2 && ./ivaap manifest --summary');
  await type('cd ivaap-2026.2 && ./ivaap install --upgrade');
  await type('cd ivaap-2026.2 && ./ivaap status');
  say('the same wells, in the new schema: depths in metres, locations split');
  await type(`curl ${api}`);
  console.log();
}

let failed = false;
try {
  await demo();
} catch (error) {
  failed = true;
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
}
if (values.keep) {
  say('the node is kept');
  console.log(`        inspect:  npm run lab -- exec ${name} -- bash      (kubectl get pods -n ivaap)`);
  console.log(`        delete:   npm run lab -- down ${name}`);
} else {
  say('deleting the node');
  await labDown(name);
}
process.exitCode = failed ? 1 : 0;
