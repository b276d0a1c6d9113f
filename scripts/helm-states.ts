import { helmStates } from '../src/policy/helm-states.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';

/** `node scripts/helm-states.ts` writes docs/helm-states.md from the one table of Helm's states. */

export function helmStatesPage(): Promise<GeneratedPage> {
  const states = Object.entries(helmStates).map(
    ([state, { found, install, upgrade, why }]) => `## \`${state}\`

Found by: ${found}.

- \`install\`: ${install}
- \`install --upgrade\`: ${upgrade}
- why: ${why}`,
  );
  const markdown = `# Helm's states

Helm keeps a record of each revision of the release, a Secret in the product's namespace. A Helm that was killed, a rollback that failed or somebody's
own \`helm\` leaves them in one of these states. Each is judged before anything is changed, and again right before Helm is run.
Whatever is deleted is saved first, as \`SECRET.json\` (readable by root only) in the folder of the run's snapshot; \`k3s kubectl create -f\` brings it back.

${states.join('\n\n')}

## When an old Helm counts as ended

A Helm that a run of ours started is known by process id, start time and boot: they are in the journal before Helm does anything. While it lives, the same
command typed again waits for it and says until when. Any other Helm that works on the release on this host stops a run before the first step
(exit code 3); the message prints the command that waits for it. One on another machine is known by its record only: a \`pending-…\` record that is younger than twice Helm's own limit is left alone (exit code 3).
A record counts as ours by its number and by when it was started: between the start of our Helm and its end, as we saw it, as a reboot brought it or as its
own limits say. A later revision was made by somebody else.
`;
  return generatedPage('helm-states.md', 'scripts/helm-states.ts', markdown);
}

if (import.meta.main) writePage(await helmStatesPage());
