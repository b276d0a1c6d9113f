import type { KnipConfig } from 'knip';

/** In production mode tests are no users: what only they use is dead. An export that its own file uses is not. */
const production = process.argv.includes('--production');

// oxlint-disable-next-line import/no-default-export -- knip asks for one
export default {
  entry: [
    'src/main.ts!',
    'build/*.ts!',
    'scripts/*.ts!',
    'test/**/*.test.ts',
    'test/faults/{cli,stopper}.ts',
    'test/fuzz/child.ts',
    'test/fixtures/{lossy-relay,dump-on-small-disk}.ts',
    'payload-spec/**/*.ts',
  ],
  project: ['src/**/*.ts!', 'build/**/*.ts!', 'scripts/**/*.ts!', 'test/**/*.ts', 'payload-spec/**/*.ts'],
  ignoreDependencies: ['oxlint', 'postject'],
  ignoreExportsUsedInFile: production ? true : { interface: true, type: true },
  exclude: ['binaries'],
} satisfies KnipConfig;
