import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * Imported before each test file: many short files spend a second each on compiling what the one before had
 * compiled. It is no setting of the environment, which the executable that a test runs would inherit: it
 * re-executes itself without such variables.
 */
enableCompileCache(join(import.meta.dirname, '../dist/compile-cache'));
