import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { ensureLabHost, examineImages, examineMachine } from './doctor.ts';
import { enterArguments, hostPid, nsenter } from './inside.ts';
import { labClone, labDown, labHosts, labSnapshot, labStop, labUp } from './host.ts';
import { ensurePrograms } from './programs.ts';

/** `npm run lab -- COMMAND`: the lab by hand. Tests use host.ts. */

const say = (line: string) => process.stderr.write(`${line}\n`);

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  await work();
  say(`${what} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}

const lab = new Command('lab')
  .description('single-node Kubernetes hosts with the shape of k3s')
  .enablePositionalOptions();

lab
  .command('up <name>')
  .description('make a host, or start it again on its disks, and wait until it answers')
  .action((name: string) => timed(`${name} is up`, () => labUp(name, { say })));
lab
  .command('exec <name> <command...>')
  .description('run a program in the host: exec NAME -- CMD ARGS')
  .passThroughOptions()
  .action((name: string, words: string[]) => {
    const command = words[0] === '--' ? words.slice(1) : words;
    const pid = hostPid(name);
    if (pid === undefined) throw new Error(`lab host ${name} does not run`);
    const { status, signal } = spawnSync(
      nsenter,
      [...enterArguments(pid), 'sh', '-c', 'cd /root && exec "$@"', 'sh', ...command],
      {
        stdio: 'inherit',
        env: {
          PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          HOME: '/root',
          LANG: 'C.UTF-8',
          TERM: process.env['TERM'] ?? 'dumb',
        },
      },
    );
    process.exitCode = signal === null ? (status ?? 1) : 1;
  });
lab
  .command('stop <name>')
  .description('end a host and keep its disks; `up` starts it again')
  .action((name: string) => timed(`${name} is stopped`, () => labStop(name)));
lab
  .command('snapshot <name> <snapshot>')
  .description('stop a host and keep a copy of all of its files')
  .action((name: string, snapshot: string) =>
    timed(`${snapshot} is kept; ${name} is stopped, \`up\` starts it again`, () =>
      labSnapshot(name, snapshot),
    ),
  );
lab
  .command('clone <snapshot> <name>')
  .description('start a new host on a copy of a snapshot')
  .action((snapshot: string, name: string) =>
    timed(`${name} is up`, () => labClone(snapshot, name, { say })),
  );
lab
  .command('down <name>')
  .description('end a host and remove all that belongs to it')
  .action((name: string) => timed(`${name} is gone`, () => labDown(name)));
lab
  .command('list')
  .description('the hosts of this machine')
  .action(() => {
    const hosts = labHosts();
    for (const { name, state, pid, ageSeconds, folder } of hosts) {
      console.log(
        `${name.padEnd(24)} ${state.padEnd(8)} pid ` +
          `${String(pid ?? '-').padEnd(8)} ${ageSeconds} s  ` +
          `${folder}`,
      );
    }
    if (hosts.length === 0) console.log('no lab host');
  });
lab
  .command('doctor')
  .description('say what this machine lacks')
  .option('--fix', 'install the Debian packages and build the programs that are missing')
  .action(async ({ fix }: { fix?: true }) => {
    if (fix) {
      await ensureLabHost(say);
      await ensurePrograms();
    }
    for (const { ok, what, command } of [...examineMachine(), ...(await examineImages())]) {
      console.log(
        `${ok ? 'ok     ' : 'missing'} ${what}${!ok && command !== undefined ? `\n        ${command}` : ''}`,
      );
      if (!ok) process.exitCode = 1;
    }
  });

try {
  await lab.parseAsync();
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
