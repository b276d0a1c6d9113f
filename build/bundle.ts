import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * One CommonJS file for Node 24; `import()` becomes a `require` of the same bundle that runs its module when
 * first asked for.
 */
const common: BuildOptions = {
  // The bundle names its modules by their paths from here, also where node_modules is a link to another
  // folder.
  absWorkingDir: root,
  preserveSymlinks: true,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  supported: { 'dynamic-import': false },
  // Of this library one algorithm alone: all of them are ten times as large.
  alias: { 'hash-wasm': 'hash-wasm/dist/xxhash128.umd.min.js' },
  // Names stay: a stack trace in a bug report has to be readable.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
};

async function bundled(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...common, ...options });
  const [file] = outputFiles ?? [];
  if (file === undefined) throw new Error('esbuild gave nothing');
  return file.text;
}

/** A thread starts from a string: the executable has no files next to it. */
const workerFromString: Plugin = {
  name: 'worker-from-string',
  setup({ onLoad }) {
    onLoad({ filter: /\/chunk-worker-start\.ts$/ }, async () => {
      const entryPoints = ['src/payload/fast/chunk-worker.ts'];
      const source = await bundled({ entryPoints });
      return {
        loader: 'js',
        contents: `
          import { Worker } from 'node:worker_threads';
          const source = ${JSON.stringify(source)};
          export const startChunkWorker = (options) => new Worker(source, { ...options, eval: true });
        `,
      };
    });
  },
};

/**
 * A large library that few commands need is a string until it is asked for: to parse it would take a tenth of
 * each start.
 */
const undiciFromString: Plugin = {
  name: 'undici-from-string',
  setup({ onResolve, onLoad }) {
    const namespace = 'from-string';
    onResolve({ filter: /^undici$/ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path, namespace },
    );
    onLoad({ filter: /^undici$/, namespace }, async ({ path }) => ({
      loader: 'js',
      contents: `
        const source = ${JSON.stringify(await bundled({ entryPoints: [path] }))};
        new Function('module', 'exports', 'require', source)(module, exports, require);
      `,
    }));
  },
};

/** The whole of src/main.ts as one file of JavaScript; the same sources give the same bytes. */
export function bundleMain(): Promise<string> {
  return bundled({ entryPoints: ['src/main.ts'], plugins: [workerFromString, undiciFromString] });
}
