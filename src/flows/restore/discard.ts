import { dropMoved, type MovedDatabase, movedDatabases } from '../../backup/moved-databases.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import { IvaapError } from '../../errors.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { startedTools, underLock } from '../backup/opened.ts';
import type { FlowResult } from '../flow.ts';
import { confirmed } from '../question.ts';
import { assertNameTyped } from '../typed-name.ts';

export interface DiscardOptions {
  confirm: string | undefined;
  dryRun: boolean;
}

/** `restore --discard`: drops the databases that restores have moved aside. */
export function discardMoved(options: DiscardOptions, ports: CommandPorts): Promise<FlowResult> {
  return underLock('restore --discard', ports, 'discard', async ({ session, journal }) => {
    const { product, again, program } = session;
    assertNameTyped(session, 'restore', options);
    const { run } = journal.state;
    // The moved database may be what such a run has to go back to.
    if (run !== undefined && isUnfinished(run)) {
      throw new IvaapError('version', `the ${run.flow} to ${run.to} on this host is not finished`, {
        hint: resumeCommand(run),
      });
    }
    using tools = await startedTools(session);
    const ctx = { database: tools.database, product };
    const found = await movedDatabases(ctx, session.signal);
    if (found.length === 0) {
      throw new IvaapError('nothing_to_do', 'no restore has moved a database aside on this host', {
        hint: `${program} status`,
      });
    }
    const lines = found.map((one) => movedText(one, new Date()));
    const names = found.map(({ name }) => name);
    if (options.dryRun)
      return { lines: [...lines, 'Nothing was changed.'], data: { discarded: names, dryRun: true } };
    const shown = ['This deletes for good:', ...lines.map((line) => `  ${line}`)];
    if (options.confirm === undefined) {
      const text = [
        ...shown,
        '',
        `After it no restore can be undone. To go on, type the name of the product, ${product.name}`,
      ].join('\n');
      await confirmed(session, { text, word: product.name, hint: again({ add: ['--dry-run'] }) });
    } else for (const line of shown) session.report({ type: 'message', level: 'info', line });
    for (const name of names) {
      session.signal.throwIfAborted();
      // Before it goes: a run that is killed in between must not offer to bring it back.
      await journal.update((draft, now) => {
        for (const one of [draft.restored, ...(draft.restored?.earlier ?? [])])
          if (one?.moved === name) one.discardedAt = now;
      });
      await dropMoved(ctx, name, session.signal);
    }
    return {
      lines: [`${counted(names.length, 'database')} deleted: ${names.join(', ')}`],
      data: { discarded: names, dryRun: false },
    };
  });
}

function movedText({ name, movedAt, size }: MovedDatabase, now: Date): string {
  const hours = Math.max(0, (now.getTime() - Date.parse(movedAt)) / 3_600_000);
  const age = hours < 48 ? counted(Math.floor(hours), 'hour') : counted(Math.floor(hours / 24), 'day');
  const has = size.known
    ? `${formatBytes(size.value.sizeBytes)}, about ${counted(size.value.rows, 'row')}`
    : `size not known: ${size.why}`;
  return `${name}: moved aside ${movedAt}, ${age} ago; ${has}`;
}
