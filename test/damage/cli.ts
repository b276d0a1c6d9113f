import { parseArgs } from 'node:util';
import { tryDamages } from './try-damages.ts';

/** `npm run test:damage`: see docs/testing.md. */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    draw: { type: 'string' },
    only: { type: 'string' },
  },
});
const { tried, problems } = await tryDamages({
  seed: values.seed,
  ...(values.draw === undefined ? {} : { draw: Number(values.draw) }),
  ...(values.only === undefined ? {} : { only: values.only }),
});
for (const problem of problems) console.log(problem);
console.log(`seed ${values.seed}`);
console.log(`damages tried ${tried}, found ${tried - problems.length}`);
process.exitCode = tried > 0 && problems.length === 0 ? 0 : 1;
