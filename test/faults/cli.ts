import { carryOut, readFlags } from '../proofs/command.ts';
import { only } from '../proofs/proof.ts';
import { faultProof, faultsLeft } from './fault-proof.ts';

/** `npm run test:faults`: see docs/testing.md. */

const usage = `usage: npm run test:faults -- [FLAGS]
  --chain NAME  one chain; may be repeated
  --left        the faults that have not been held with today's sources
  --hosts N     in parallel (default 2)`;

const { values, numberOf } = readFlags(usage, {
  chain: { type: 'string', multiple: true },
  left: { type: 'boolean', default: false },
  hosts: { type: 'string', default: '2' },
});
const left = values.left ? faultsLeft() : undefined;
const proof = faultProof();
const groups = only(
  proof.groups,
  (id, chain) => (left?.includes(id) ?? true) && (values.chain?.includes(chain) ?? true),
);
await carryOut({ ...proof, groups }, values, numberOf('hosts', values.hosts));
