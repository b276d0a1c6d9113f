import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { helmCases, writeCharts, type Case } from './helm-cases.ts';
import { kubectlCases } from './kubectl-cases.ts';
import { containerdCases, postgresCases } from './node-cases.ts';
import { realWorld, simulatedWorld, type World } from './worlds.ts';

/**
 * The same cases, in this order, asked of the simulated host and of the real programs: what the simulator
 * answers is what they answer.
 */

const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
writeCharts(folder);

/** What a world does after an answer, such as CRI with a new name, may take a moment. */
async function settled(answer: unknown, wanted: unknown, ask: () => Promise<unknown>): Promise<unknown> {
  for (let tries = 0; tries < 20 && !isDeepStrictEqual(answer, wanted); tries += 1) {
    await sleep(250);
    wanted = await ask();
  }
  return wanted;
}

describe('the simulated host answers as the real programs do:', () => {
  let real: World;
  let simulated: World;
  before(async () => {
    simulated = await simulatedWorld();
    real = await realWorld();
  });
  after(async () => {
    await real.end();
    rmSync(folder, { recursive: true });
  });
  const check = (program: string, cases: readonly Case[]) => {
    for (const { name, ask, again } of cases) {
      it(`${program}: ${name}`, async () => {
        const wanted = await ask(real);
        const answer = await ask(simulated);
        assert.deepEqual(
          answer,
          again === undefined ? wanted : await settled(answer, wanted, () => again(real)),
        );
      });
    }
  };
  check('kubectl', kubectlCases());
  check('helm', helmCases(folder));
  check('containerd', containerdCases());
  check('PostgreSQL', postgresCases());
});
