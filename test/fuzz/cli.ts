import { carryOut, readFlags } from '../proofs/command.ts';
import { fuzzProof } from './fuzz-proof.ts';

/** `npm run test:fuzz`: see docs/testing.md. */

const usage = `usage: npm run test:fuzz -- [FLAGS]
  --seconds N  for each reader (default 300)`;

const { values, numberOf } = readFlags(usage, { seconds: { type: 'string', default: '300' } });
await carryOut(fuzzProof(values.seed, numberOf('seconds', values.seconds)), values);
