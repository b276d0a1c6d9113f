import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** One CommonJS file for Node 24; `import()` becomes a `require` of the same bundle that runs its module when first asked for. */
const common: BuildOptions = {
  // The bundle names its modules by their paths from here, also where node_modules is a link to another folder.
  absWorkingDir: root,
  preserveSymlinks: true,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  supported: { 'dynamic-import': false },
  // Names stay: a stack trace in a bug report has to be readable.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
};

async function bundled(entry: string, plugins: Plugin[] = []): Promise<string> {
  const { outputFiles } = await build({ ...common, entryPoints: [entry], plugins });
  const [file] = outputFiles ?? [];
  if (file === undefined) throw new Error(`esbuild gave nothing for ${entry}`);
  return file.text;
}

/** Workers start from a string: the executable has no files beside it. */
function workerFromString(): Plugin {
  return {
    name: 'worker-from-string',
    setup({ onLoad }) {
      onLoad({ filter: /\/scan-worker-start\.ts$/ }, async () => ({
        loader: 'js',
        contents: `
          import { Worker } from 'node:worker_threads';
          const source = ${JSON.stringify(await bundled('src/payload/scan-worker.ts'))};
          export const startScanWorker = (options) => new Worker(source, { ...options, eval: true });
        `,
      }));
    },
  };
}

/** The whole of src/main.ts as one file of JavaScript; the same sources give the same bytes. */
export function bundleMain(): Promise<string> {
  return bundled('src/main.ts', [workerFromString()]);
}
