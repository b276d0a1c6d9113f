import { notDumped } from '../backup/dump-files.ts';
import { endSession } from '../backup/dump-wait.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { describeHolder } from '../host/database-sessions.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const database: Check<UpgradeCheckContext> = {
  id: 'database',
  kind: 'health',
  title: 'Database answers',
  limit: 'a query is answered; no session locks a table that the dump would wait for',
  why: 'without it there is no backup',
  fix: `${sudo.kubectl} get pods -A`,
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure(ctx, facts) {
    const { product } = ctx;
    try {
      const { versionNumber, sizeBytes } = await facts.database();
      const [holders, others] = await Promise.all([facts.lockHolders(), facts.otherDatabases()]);
      const notInDump = others.known && others.value.length > 0 ? `; ${notDumped(others.value)}` : '';
      const answers = `PostgreSQL ${dotted(versionNumber)}, ${formatBytes(sizeBytes)}${notInDump}`;
      const data = {
        versionNumber,
        sizeBytes,
        otherDatabases: others.known ? others.value.join(', ') : null,
      };
      const [first] = holders.known ? holders.value : [];
      if (first === undefined || !holders.known) return { outcome: 'ok', measured: answers, data };
      // A session that has locked them for longer than the dump waits is not expected to release them.
      const forLong = holders.value.some(
        ({ seconds }) => (seconds ?? 0) >= product.backup.lockTimeoutSeconds,
      );
      return {
        outcome: forLong ? 'fail' : 'warn',
        measured:
          `${holders.value.map(describeHolder).join('; ')}: the dump would wait ` +
          `for it, for at most ${product.backup.lockTimeoutSeconds} s (${answers})`,
        fix: `wait for that session to end, or end it: ${await endSession(ctx, first.pid)}`,
        data: { ...data, lockHolders: holders.value.map(({ pid }) => pid).join() },
      };
    } catch (error) {
      return {
        outcome: 'fail',
        measured: `the database does not answer, so no backup can be made (${causeChain(error)[0] ?? ''})`,
        fix: `${sudo.kubectl} describe pod -n ${product.namespace} -l ${product.database.selector}`,
        output: error instanceof IvaapError ? error.output : undefined,
      };
    }
  },
};

const dotted = (version: number) => `${Math.floor(version / 10_000)}.${version % 10_000}`;
