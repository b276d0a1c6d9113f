import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * `npm run pack`. Half a second went into compiling what packing imports, in each thread anew: V8's code is kept beside the packages that
 * it is made from. Where it cannot be written, everything is compiled as ever.
 */

// Threads have it from the environment.
const folder = (process.env['NODE_COMPILE_CACHE'] ??= join(
  import.meta.dirname,
  '../node_modules/.cache/node',
));
enableCompileCache(folder);
await import('./pack-command.ts');
