import { basename, join } from 'node:path';
import type { BuildOptions, OutputFile, Plugin } from 'esbuild';
import { build, transform } from 'esbuild';

const root = join(import.meta.dirname, '..');

const common = {
  // The bundle names its modules by their paths from here, also where node_modules is a link to another
  // folder.
  absWorkingDir: root,
  preserveSymlinks: true,
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Of this library one algorithm alone: all of them are ten times as large.
  alias: { 'hash-wasm': 'hash-wasm/dist/xxhash128.umd.min.js' },
  // Names stay: a stack trace in a bug report has to be readable.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
} as const satisfies BuildOptions;

/** `import()` becomes a `require` that runs its module when first asked for. */
const commonJs = { format: 'cjs', supported: { 'dynamic-import': false } } as const;

async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({ ...common, ...commonJs, entryPoints: [entry] });
  return (outputFiles[0] as OutputFile).text;
}

/** A thread starts from a string: the executable has no files beside it. */
const workerFromAsset: Plugin = {
  name: 'worker-from-asset',
  setup({ onLoad }) {
    onLoad({ filter: /\/chunk-worker-start\.ts$/ }, () => ({
      loader: 'js',
      contents: `
        import { getAsset } from 'node:sea';
        import { Worker } from 'node:worker_threads';
        export const startChunkWorker = (options) =>
          new Worker(getAsset('chunk-worker.js', 'utf8'), { ...options, eval: true });
      `,
    }));
  },
};

/** Files of JavaScript by their names; the same sources give the same bytes. */
interface Bundle {
  /** The executable's first file, build/sea-main.ts. */
  main: string;
  /** The chunks that it loads: src/main.ts with what it imports, and a chunk for what is imported later. */
  assets: Map<string, string>;
}

export async function bundleMain(): Promise<Bundle> {
  const { outputFiles } = await build({
    ...common,
    format: 'esm',
    splitting: true,
    outdir: '.',
    entryPoints: ['src/main.ts'],
    plugins: [workerFromAsset],
  });
  const assets = new Map<string, string>();
  const { platform, target, minifyWhitespace } = common;
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, { ...commonJs, platform, target, minifyWhitespace });
    assets.set(basename(path), code);
  }
  assets.set('chunk-worker.js', await bundled('src/payload/fast/chunk-worker.ts'));
  return { main: await bundled('build/sea-main.ts'), assets };
}
