import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scanWithoutThreads } from '../fixtures/in-process-host/scan-thread.ts';
import { drawOf } from './mutate.ts';
import type { TargetName } from './targets.ts';
import { makeTargets, writeInput } from './targets.ts';

/**
 * `node test/fuzz/child.ts TARGET SEED SECONDS FOLDER`: reads one input after another, in a process of its
 * own so that it may be killed. Before each it notes the input's number; it ends with 1 at the first that is
 * not refused as it should be.
 */

const [name = '', seed = '', seconds = '', folder = ''] = process.argv.slice(2);
const { targets, end } = await makeTargets();
scanWithoutThreads();
const target = targets[name as TargetName];
const path = join(folder, 'input');
const notes = openSync(join(folder, 'number'), 'w');
const until = performance.now() + Number(seconds) * 1000;
let refused = 0;
let number = 0;
try {
  // A reader that refuses everything would never fail otherwise.
  writeInput(path, target.intact);
  if (await target.read(path)) throw new Error('the intact input is refused');
  for (; performance.now() < until; number += 1) {
    writeSync(notes, String(number).padStart(12), 0);
    const draw = drawOf(`${seed} ${name} ${number}`);
    writeInput(path, target.input(draw));
    if (await target.read(path)) refused += 1;
  }
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({ executions: number, refused, maxRssBytes: maxRSS * 1024 }));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  closeSync(notes);
  end();
}
