import { checks } from '../src/checks/all.ts';
import type { AnyCheck } from '../src/checks/check.ts';
import { type ErrorCode, errorCodes } from '../src/errors.ts';
import { waivableGuards } from '../src/payload/product-schema.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';
import { checkCauses, checkTodos, codeEntries } from './troubleshooting-entries.ts';

/**
 * `node scripts/troubleshooting-page.ts` writes docs/troubleshooting.md from the tables of error codes and of
 * checks, and from what scripts/troubleshooting-entries.ts says of each.
 */

function codeSection(code: ErrorCode): string {
  const { exit, meaning } = errorCodes[code];
  const { cause, now, todo } = codeEntries[code];
  return `### ${exit} ${code}

${meaning[0]?.toUpperCase()}${meaning.slice(1)}.

- **Cause**: ${cause}.
- **True now**: ${now}.
- **To do**: ${todo}.`;
}

function trueNow({ kind, why }: AnyCheck): string {
  const stands = {
    guard: 'nothing was changed; the run does not start, also one that resumes',
    outage: 'nothing was changed; no run starts Helm until it is fixed or waived',
    health: 'nothing was changed; a run that resumes, or `--reapply`, starts in spite of it',
  }[kind];
  return `${stands}. It matters because ${lowerFirst(why)}`;
}

const lowerFirst = (text: string): string => text.replace(/^(A|The|It) /, (word) => word.toLowerCase());

function toDo({ id, kind, fix: here }: AnyCheck): string {
  // Pages are for whoever types sudo, also where root makes them.
  const fix = (checkTodos[id] ?? here).replace(
    /^(?:sudo )?(?:\S*\/)?(k3s kubectl|systemctl|timedatectl) /,
    'sudo $1 ',
  );
  const isCommand = /^(k3s|sudo) /.test(fix);
  const waivable = kind !== 'guard' || (waivableGuards.options as readonly string[]).includes(id);
  const where = kind === 'guard' ? ', where the product allows it' : '';
  return (
    `${isCommand ? `start with \`${fix}\`` : fix}; the report names what this host needs` +
    (waivable ? `. To continue in spite of it: \`--waive ${id}=REASON\`${where}` : '')
  );
}

function checkSection(check: AnyCheck): string {
  const { id, title, limit, limitInFull } = check;
  return `### ${id}

${title}: ${limitInFull ?? limit}.

- **Cause**: ${checkCauses[id] ?? missing(id)}.
- **True now**: ${trueNow(check)}.
- **To do**: ${toDo(check)}.`;
}

function missing(id: string): never {
  throw new Error(`scripts/troubleshooting-entries.ts says nothing of the check ${id}: add why it fails`);
}

const intro = `- A message is quoted in [the runbook, by message](operators.md#by-message), with the command that helps.
- The terminal of a run was lost: \`sudo ./ivaap status --watch\`.
- What is installed, how the last run ended, which command resumes it, and the way back: \`sudo ./ivaap status\`.
- \`status\` says that state and host differ, or the state is lost: [repair it](operators.md#the-state-is-lost-damaged-or-untrue).
- A file may be damaged or from somebody else: \`./ivaap verify [FILE]\`, [trust.md](trust.md).
- The licence is not enough, or its server does not answer: [by message](license.md#by-message).
- A run is slow: [performance.md](performance.md) says what limits each part.
- Data must be restored: [going back](operators.md#going-back).
- The product is to be removed, or an uninstall was refused or cut off: [uninstall.md](uninstall.md#by-message).
- Support asks for what happened: [what it needs](operators.md#what-support-needs).

What goes wrong in the product itself (users, data sources, TLS) is in the vendor's guide "Troubleshooting".`;

export function troubleshootingPage(): Promise<GeneratedPage> {
  const codes = (Object.keys(errorCodes) as ErrorCode[]).map(codeSection);
  const markdown = `# Troubleshooting

${intro}

## Exit codes

Every failure ends with a code; \`--json\` gives its name. [exit-codes.md](exit-codes.md) is the short table.

${codes.join('\n\n')}

## Checks of preflight

A failed check is printed as \`ID: what was measured (limit: …)\`, with \`:PART\` where it looks at several
things. [preflight.md](preflight.md) lists their limits, flows and time limits.

${checks.map(checkSection).join('\n\n')}
`;
  return generatedPage('troubleshooting.md', 'scripts/troubleshooting-page.ts', markdown);
}

if (import.meta.main) writePage(await troubleshootingPage());
