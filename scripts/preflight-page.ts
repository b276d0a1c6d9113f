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
        Why: ${check.why}. Of ${check.flows.join(' and ')}; ${check.timeoutSeconds} s; waiver: ${waiver(check)}.`,
    )
    .join('\n');
}

export function preflightPage(): Promise<GeneratedPage> {
  const markdown = `# Preflight

Before anything is changed, \`install\` and \`install --upgrade\` measure the host: all checks in parallel, each within a time of its own, then one
report that says of each what was measured against which limit, and of what is not ok why it matters and the one command that fixes it.
What cannot be measured is a failed check that says so. A run that is refused ends with exit 3, and nothing was changed.

\`\`\`
./ivaap install --upgrade --preflight-only
\`\`\`

prints the report and ends, with 0 or 3; with \`--json\` the report is the event \`preflight.report\` ([events](events.md)) and the result's data.

| Status | Means |
| --- | --- |
| ok | within its limit |
| warn | near its limit, or a health check that failed where it does not block |
| FAIL | blocks |
| waived | failed, and the operator continues for a reason that is recorded |

Each check below is named with its limit, why it matters, the flows that ask it, how long it may take, and whether it can be
waived.

## Guards

They protect data: they block every run, whatever it resumes.

${list('guard')}

## Outages

What they find cannot end well: the server refuses an object, or a new pod has no place once the old one has stopped. They block every run that has still to
start Helm, \`--reapply\` too, and are not asked where Helm is through. Who knows better waives one, or one object of it (\`--waive objects:Deployment/NAME=REASON\`).

${list('outage')}

## Health

They block a run that starts fresh, so that an upgrade is not blamed for damage that was there before. A run that resumes, or \`--reapply\`, may be there to
fix that very damage: there they are shown and recorded, and do not block.

${list('health')}

## Waivers

\`--waive ID=REASON\` lets one failed check pass; it may be given again for another one, and \`ID:PART\` names one file system or route. The reason is recorded in
the state with who, when and in which run, and \`status\` shows it. A check that does not fail needs no waiver and records none. The product says which guards may be waived
(\`preflight.waivable\` in product.yaml); an unknown id, a missing reason or a guard that cannot be waived is a usage error (exit 2) that names those that can.

The health steps at a run's end are waived the same way, by the step's name, as the plan (\`--dry-run\`) lists it: \`--waive STEP=REASON\`, for a
product that answers at another port, over TLS only, or behind a sign-on. The step is then recorded as not proved: \`status\` and the summary say so, a failed upgrade
never ends with exit 7, and what is kept from before stays until a run has passed all health steps.
`;
  return generatedPage('preflight.md', 'scripts/preflight-page.ts', markdown);
}

if (import.meta.main) writePage(await preflightPage());
