import { IvaapError } from '../errors.ts';
import type { InstallOptions } from '../flows/install/decision.ts';
import type { RollbackOptions } from '../flows/rollback/options.ts';
import type { UpgradeOptions } from '../flows/upgrade/options.ts';
import { freshFlags, upgradeFlags } from '../policy/again.ts';
import { assertHostName, assertStoragePath } from '../policy/answer-form.ts';
import { waiverOf } from '../policy/preflight-report.ts';
import { parseTrustKey } from '../policy/trust.ts';
import { type CommandOption, type Invocation, textOf } from './command.ts';

type Options = Invocation['options'];

const fresh: readonly CommandOption[] = [
  { flags: '--fqdn <name>', summary: 'host name that browsers use to reach this host' },
  { flags: '--license <file>', summary: 'licence file; its entitlements decide which connectors run' },
  { flags: '--storage-path <folder>', summary: "folder for the database's data" },
  {
    flags: '--storage-class <name>',
    summary: "StorageClass for the database's volume, instead of a folder; where the product allows it",
  },
  {
    flags: '--connectors <names>',
    summary: 'connectors to enable, separated by commas, or none (default: all that the licence grants)',
  },
  { flags: '--values <file>', summary: "your own values file, instead of the payload's template" },
  {
    flags: '--answers <file>',
    summary: 'YAML file with these answers (docs/json.md); a flag is above what the file says',
  },
  {
    flags: '--print-answers',
    summary: 'print the file that repeats this install with --answers, and exit; changes nothing',
  },
  {
    flags: '--resume',
    summary: 'resume an unfinished install without asking anything that was answered',
  },
  {
    flags: '--rollback-to <step>',
    summary: 'undo this step of an install and all after it, newest first; the next install begins with it',
  },
  {
    flags: '--accept-data-loss',
    summary: 'with --rollback-to: undo also what loses data (postgres, namespace, secrets, helm_deploy)',
  },
];

const upgrade: readonly CommandOption[] = [
  { flags: '--upgrade', summary: 'upgrade the installed release instead of installing a new one' },
  {
    flags: '--rehearse',
    summary:
      'with --upgrade: migrate a copy of the database beside the live one, say how that went, and exit; ' +
      'changes nothing that runs',
  },
  {
    flags: '--skip-backup',
    summary: 'upgrade, or roll an install back, without a dump of the database (dangerous)',
  },
  { flags: '--accept-unsupported-upgrade', summary: 'allow an upgrade that skips a major version' },
  {
    flags: '--reapply',
    summary: 'run every step of the upgrade again, with a fresh dump and snapshot; asks for confirmation',
  },
  {
    flags: '--force-conflicts',
    summary: "apply the chart's values also to fields that kubectl scale, kubectl edit or other tools own",
  },
  {
    flags: '--trust-key <fingerprint>',
    summary: 'accept this signing key (or: unsigned) although the installed release has another one',
  },
  {
    flags: '--images-from <source>',
    summary:
      'source of the images; auto: archives on disk that have ' +
      'what is needed, else the payload (default: auto)',
    choices: ['auto', 'disk', 'payload'],
  },
  { flags: '--refresh-archives', summary: 'rewrite the image archives on disk from the payload' },
  { flags: '--activate', summary: 'afterwards put the new version on PATH, as the command activate does' },
  { flags: '--no-activate', summary: 'do not ask whether the new version shall be on PATH' },
];

const both: readonly CommandOption[] = [
  { flags: '--preflight-only', summary: 'run all checks, print the report and exit; changes nothing' },
  {
    flags: '--waive <id=reason>',
    summary: 'continue although this check fails; can be repeated; the reason is recorded',
    repeatable: true,
  },
  {
    flags: '--dry-run',
    summary: 'print what each step would do and all blockers; changes nothing',
  },
  {
    flags: '--supersede',
    summary: 'close the unfinished install or upgrade of another package and start a new run with this one',
  },
  {
    flags: '--reverify',
    summary: 'check the entire payload again although an earlier run found this file intact',
  },
  { flags: '--yes', summary: 'answer yes to every question' },
];

const output: readonly CommandOption[] = [
  { flags: '--verbose', summary: 'show every preflight check, not only those that are not ok' },
  { flags: '--json', summary: 'print one JSON event per line (docs/events.md; the last one: docs/json.md)' },
];

const grouped = (group: string, options: readonly CommandOption[]): CommandOption[] =>
  options.map((option) => ({ ...option, group }));

export const installFlags: readonly CommandOption[] = [
  ...grouped('Install', fresh),
  ...grouped('Upgrade', upgrade),
  ...grouped('Install and upgrade', both),
  ...grouped('Output', output),
];

/** Throws `usage` for a flag whose text is wrong, whatever the payload and the host are like. */
function checkTexts({ waive, fqdn, storagePath, trustKey }: Options, again: Invocation['again']): void {
  if (Array.isArray(waive)) for (const text of waive as string[]) waiverOf(text);
  if (typeof fqdn === 'string') assertHostName(fqdn);
  if (typeof storagePath === 'string') assertStoragePath(storagePath);
  parseTrustKey(textOf(trustKey), again);
}

type Typed = Pick<Invocation, 'options' | 'again'>;

/**
 * Flags that exclude each other, and texts that no host would accept. Throws `usage` with the command as it
 * was meant.
 */
export function checkFlags(typed: Typed): void {
  checkTogether(typed);
  checkTexts(typed.options, typed.again);
}

/** What a rehearsal would leave aside. */
const notRehearsed = ['--skip-backup', '--reapply', '--supersede', '--activate', '--no-activate'];

function checkTogether({ options, again }: Typed): void {
  const given = (flag: string) => {
    if (flag.startsWith('--no-')) return options[flag.slice('--no-'.length)] === false;
    const value = options[flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    return value !== undefined && value !== false;
  };
  const usage = (message: string, hint: string) => new IvaapError('usage', message, { hint });
  if (options.upgrade === true) {
    const without = ['--resume', '--rollback-to', ...freshFlags];
    const [wrong] = without.filter(given);
    const [excluded] = given('--rehearse') ? notRehearsed.filter(given) : [];
    if (excluded !== undefined) {
      throw usage(
        `${excluded} excludes --rehearse, which changes nothing that runs`,
        again({ without: notRehearsed }),
      );
    }
    if (wrong === undefined) return;
    const why = (freshFlags as readonly string[]).includes(wrong)
      ? 'is for a new install; an upgrade keeps what is in the values file'
      : 'is for a new install and excludes --upgrade: an upgrade resumes when it is run again';
    throw usage(`${wrong} ${why}`, again({ without }));
  }
  if (given('--rollback-to')) {
    const without = ['--resume', '--supersede', '--waive', ...freshFlags];
    const others = upgradeFlags.filter((flag) => flag !== '--skip-backup');
    const [wrong] = [...without, ...others].filter(given);
    if (wrong === undefined) return;
    throw usage(`${wrong} excludes --rollback-to`, again({ without: [...without, ...others] }));
  }
  if (given('--accept-data-loss')) {
    throw usage('--accept-data-loss needs --rollback-to', again({ without: ['--accept-data-loss'] }));
  }
  const [wrong] = upgradeFlags.filter(given);
  if (wrong !== undefined) throw usage(`${wrong} needs --upgrade`, again({ add: ['--upgrade'] }));
}

const sharedFlags = ({ preflightOnly, dryRun, reverify, yes, waive }: Options) => ({
  preflightOnly: preflightOnly === true,
  dryRun: dryRun === true,
  reverify: reverify === true,
  yes: yes === true,
  waive: Array.isArray(waive) ? (waive as string[]) : [],
});

export const freshOptions = (options: Options): InstallOptions => ({
  fqdn: textOf(options.fqdn),
  license: textOf(options.license),
  storagePath: textOf(options.storagePath),
  storageClass: textOf(options.storageClass),
  connectors: textOf(options.connectors),
  values: textOf(options.values),
  answers: textOf(options.answers),
  supersede: options.supersede === true,
  resume: options.resume === true,
  ...sharedFlags(options),
});

export const rollbackOptions = (options: Options): RollbackOptions => {
  const { preflightOnly, dryRun, reverify, yes } = sharedFlags(options);
  return {
    step: textOf(options.rollbackTo) ?? '',
    acceptDataLoss: options.acceptDataLoss === true,
    skipBackup: options.skipBackup === true,
    preflightOnly,
    dryRun,
    reverify,
    yes,
  };
};

/** Throws `usage` for a key that is none. */
export function upgradeOptions(options: Options, again: Invocation['again']): UpgradeOptions {
  const from = textOf(options.imagesFrom);
  return {
    skipBackup: options.skipBackup === true,
    acceptUnsupported: options.acceptUnsupportedUpgrade === true,
    reapply: options.reapply === true,
    supersede: options.supersede === true,
    forceConflicts: options.forceConflicts === true,
    trustKey: parseTrustKey(textOf(options.trustKey), again),
    ...sharedFlags(options),
    imagesFrom: from === 'disk' || from === 'payload' ? from : 'auto',
    refreshArchives: options.refreshArchives === true,
  };
}
