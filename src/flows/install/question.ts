import { IvaapError } from '../../errors.ts';
import type { Session } from '../../session/session.ts';
import type { Question } from '../question.ts';
import { keptText } from '../../policy/kept-text.ts';
import { type InstallDecision, type InstallOptions, isUnconfirmed } from './decision.ts';

type Asking = Pick<Session, 'product' | 'release' | 'again' | 'confirm'>;

/**
 * Undefined where nothing is asked: with `--yes` or `--resume`, where the summary of the questions was
 * answered with yes, and where an unfinished install resumes without a terminal and with the same answers.
 */
export function installQuestion(
  { product, release, again, confirm }: Asking,
  options: InstallOptions,
  { answers, state, other, changed, keptData, notes }: InstallDecision,
): Question | undefined {
  if (options.yes || options.resume || options.reviewed === true) return undefined;
  const run = other === undefined ? state?.run : undefined;
  if (run !== undefined && changed.length === 0 && confirm === undefined) return undefined;
  const { fqdn, storagePath, storageClass } = answers;
  const what = `${product.title} ${release.version}`;
  const place = storageClass === undefined ? `in ${storagePath}` : `on the StorageClass ${storageClass}`;
  const data = keptData === undefined ? '' : `, which uses the data kept there (${keptText(keptData)})`;
  const where = `for ${fqdn}, with its database ${place}${data}`;
  const text = [...notes, `Install ${what} ${where}?`].join('\n');
  if (run === undefined) return { text, hint: again() };
  const ids = (done: boolean) =>
    run.order.filter((id) => ['completed', 'skipped'].includes(run.steps[id]?.status ?? '') === done);
  const done = ids(true);
  return {
    text:
      `Go on with the install of ${what} ${where}, started ${run.startedAt} ` +
      `(${done.length === 0 ? 'nothing done yet' : `done: ${done.join(', ')}`}; ` +
      `to do: ${ids(false).join(', ')})?`,
    hint: again(),
  };
}

/** Throws `usage` for a question that nobody can answer. */
export function assertAnswerable(session: Asking, options: InstallOptions, decision: InstallDecision): void {
  const { again } = session;
  if (!isUnconfirmed(session, options)) return;
  if (installQuestion(session, options, decision) === undefined) return;
  throw new IvaapError('usage', 'install asks for confirmation, but there is no terminal', {
    hint: again({ add: ['--yes'] }),
  });
}
