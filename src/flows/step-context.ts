import type { Journal } from '../engine/journal.ts';
import type { JsonObject } from '../engine/step.ts';
import type { Helm } from '../host/helm.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import { operator } from '../host/system.ts';
import { wayBackOf } from '../backup/way-back.ts';
import type { StepContext } from '../release/context.ts';
import type { Session } from '../session/session.ts';

/** What a flow adds to the session's part. */
export type ContextParts = Pick<
  StepContext,
  'from' | 'entitlements' | 'imagesFrom' | 'refreshArchives' | 'waivers'
> & { helm: Helm };

/** What the steps of every flow get of a session. */
export function sessionParts(session: Session, journal: Journal) {
  const { product, release, payload, index, paths, program, again, insist, redactor, lock, downtime } =
    session;
  return {
    product,
    release,
    payload,
    index,
    paths,
    // Without the lock no program is started that has to inherit it.
    lockFd: lock?.descriptor ?? -1,
    preflight: undefined,
    run: () => journal.run,
    recordHelm: (kept) =>
      journal.update((draft) => {
        draft.helm = JSON.parse(JSON.stringify({ ...draft.helm, ...kept })) as JsonObject;
      }),
    operator: operator().user,
    program,
    again,
    insist,
    downtime,
    hide: (secret) => redactor.add(secret),
    now: () => new Date(),
  } satisfies Partial<StepContext>;
}

/** The part of the steps' context that install and upgrade share. */
export async function stepContext(session: Session, parts: ContextParts): Promise<StepContext> {
  const journal = await session.journal();
  const tools = await session.tools();
  return {
    ...sessionParts(session, journal),
    ...tools,
    k3s: tools.k3s.path,
    ...parts,
    helmJournal: () => readHelmJournal(journal.state.helm),
    wayBack: () => wayBackOf(journal.state),
    to: session.release.version,
  };
}
