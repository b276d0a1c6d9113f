import { join } from 'node:path';

/**
 * `npm run pack`: re-executes itself, as the same process, with what Node and the C library read before our
 * first line.
 */

const environment = {
  // Half a second went into compiling what packing imports, again in each thread. Where it cannot be written,
  // everything is compiled as ever.
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/node'),
  // Disks write several times as fast from huge pages.
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};

const missing = Object.entries(environment).filter(([name]) => process.env[name] === undefined);
if (missing.length > 0) {
  Object.assign(process.env, Object.fromEntries(missing));
  process.execve?.(
    process.execPath,
    [process.argv0, ...process.execArgv, ...process.argv.slice(1)],
    process.env,
  );
}
await import('./pack-command.ts');
