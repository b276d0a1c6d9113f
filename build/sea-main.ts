import { getAsset } from 'node:sea';
import { compileFunction } from 'node:vm';

/**
 * The executable's first file. The program lies in it as chunks, one for what is imported together; each is
 * compiled when it is first asked for, so that a start pays for what its command needs alone.
 */

interface Module {
  exports: unknown;
}

const modules = new Map<string, Module>();

/** The `require` of every chunk: chunks by their names from here (`./main.js`), and Node's own modules. */
function load(name: string): unknown {
  if (!name.startsWith('./')) return process.getBuiltinModule(name);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module: Module = { exports: {} };
  modules.set(name, module);
  const filename = name.slice('./'.length);
  const run = compileFunction(getAsset(filename, 'utf8'), ['module', 'exports', 'require'], { filename });
  run(module, module.exports, load);
  return module.exports;
}

load('./main.js');
