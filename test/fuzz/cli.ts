import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { targetNames } from './targets.ts';

/** `npm run test:fuzz [-- --seconds N --seed S --only TARGET]`: five minutes a reader unless said otherwise; see docs/testing.md. */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    only: { type: 'string', default: '' },
  },
});
let problems = 0;
const targets = targetNames.filter((name) => name.includes(values.only));
for (const target of targets) {
  const { executions, refused, maxRssBytes, problem } = fuzz(target, values.seed, Number(values.seconds));
  const memory = `${Math.round(maxRssBytes / 1024 ** 2)} MiB at most`;
  console.log(`${target}: ${executions} inputs, ${refused} refused, ${memory}, seed ${values.seed}`);
  if (problem === undefined) continue;
  problems += 1;
  console.log(problem);
}
process.exitCode = targets.length > 0 && problems === 0 ? 0 : 1;
