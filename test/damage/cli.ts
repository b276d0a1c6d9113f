import { carryOut, readFlags } from '../proofs/command.ts';
import { damageProof } from './damage-proof.ts';

/** `npm run test:damage`: see docs/testing.md. */

const { values } = readFlags('usage: npm run test:damage -- [FLAGS]', {});
const { proof, end } = await damageProof(values.seed);
console.log(`seed ${values.seed}`);
try {
  await carryOut(proof, values);
} finally {
  end();
}
