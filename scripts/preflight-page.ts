import { waivableGuards } from '../src/payload/product-schema.ts';
import { checks } from '../src/checks/all.ts';
import type { AnyCheck } from '../src/checks/check.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';

/** `node scripts/preflight-page.ts` writes docs/preflight.md from the checks of src/checks. */

function waiver({ kind, id }: AnyCheck): string {
  if (kind !== 'guard') return 'yes';
  return (waivableGuards.options as readonly string[]).includes(id) ? 'where the product says so' : 'never';
}

function list(kind: AnyCheck['kind']): string {
  return checks
    .filter((check) => check.kind === kind)
    .map(
      (check) =>
        `- \`${check.id}\`: ${check.limitInFull ?? check.limit}.
        Why: ${check.why}. Of ` +
        `${check.flows.join(' and ')}; ${check.timeoutSeconds} s; waiver: ${waiver(check)}.`,
    )
    .join('\n');
}

export function preflightPage(): Promise<GeneratedPage> {
  const markdown = `# Preflight

Before anything is changed, \`install\` and \`install --upgrade\` check the host. All checks run in parallel, each with its own time limit, and give one report.
It lists for each check the measured value and the limit. For each failed check it also says why it matters and names the command that fixes it.
What cannot be measured is a failed check that says so. A run that is refused exits 3, and nothing was changed.

\`\`\`
sudo ./ivaap install --upgrade --preflight-only
\`\`\`

prints the report and exits 0 or 3; with \`--json\` the report is the event \`preflight.report\` ([events](events.md)) and the result's data.

| Status | Means |
| --- | --- |
| ok | within its limit |
| warn | near its limit, or a health check that failed where it does not block |
| FAIL | blocks |
| waived | failed, and the operator continues for a reason that is recorded |

Each check below is listed with its limit, why it matters, the flows that run it, its time limit, and whether it can be
waived.

## Guards

They protect data: they block every run, also one that resumes.

${list('guard')}

## Outages

What they find would cause an outage: the server refuses an object, or a new pod cannot be scheduled once the old one has stopped. They block every run that has not
started Helm yet, \`--reapply\` too, and are skipped once Helm has completed. An operator can waive such a check, or one of its objects (\`--waive objects:Deployment/NAME=REASON\`).

${list('outage')}

## Health

They block a run that starts fresh, so that an upgrade is not blamed for earlier damage. A run that resumes, or \`--reapply\`, may fix
that damage: there they are shown and recorded, and do not block.

${list('health')}

## Waivers

\`--waive ID=REASON\` lets one failed check pass; it may be given again for another one, and \`ID:PART\` names one file system or route. The reason is recorded in
the state with user, time and run, and \`status\` shows it. A check that does not fail needs no waiver and records none. The product says which guards may be waived
(\`preflight.waivable\` in product.yaml); an unknown id, a missing reason or a guard that cannot be waived is a usage error (exit 2) that names the waivable ones.

The health steps at a run's end are waived the same way, by the step's name, as the plan (\`--dry-run\`) lists it: \`--waive STEP=REASON\`, for a
product that answers at another port, over TLS only, or behind a sign-on. The step is then recorded as not verified: \`status\` and the summary say so, a failed upgrade
never exits 7, and the anchors of the version before stay until a run has passed all health steps.
`;
  return generatedPage('preflight.md', 'scripts/preflight-page.ts', markdown);
}

if (import.meta.main) writePage(await preflightPage());
