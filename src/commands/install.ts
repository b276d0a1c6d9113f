import { IvaapError } from '../errors.ts';
import { freshFlags, upgradeFlags } from '../policy/again.ts';
import { runInstall } from '../flows/install/install.ts';
import type { FlowResult } from '../flows/run-flow.ts';
import { thisMachine } from '../session/machine.ts';
import { runUpgrade } from '../flows/upgrade/upgrade.ts';
import { parseTrustKey } from '../policy/trust.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { assertTold } from '../ui/answer.ts';
import { guardedOutput } from '../ui/output.ts';
import { planLines } from '../ui/plan-text.ts';
import type { Command, Invocation } from './command.ts';
import { terminalConfirm } from '../ui/confirm.ts';

type Options = Invocation['options'];
type FlowPorts = Parameters<typeof runInstall>[1];

export const install: Command = {
  options: [
    { flags: '--fqdn <name>', summary: 'name under which browsers reach this host' },
    { flags: '--license <file>', summary: 'licence file; its entitlements decide which connectors run' },
    { flags: '--storage-path <folder>', summary: "folder of the database's data" },
    { flags: '--values <file>', summary: "your own values file, instead of the payload's template" },
    { flags: '--upgrade', summary: 'upgrade the installed release instead of installing anew' },
    { flags: '--skip-backup', summary: 'upgrade without a dump of the database (dangerous)' },
    { flags: '--accept-unsupported-upgrade', summary: 'allow an upgrade that skips a major version' },
    {
      flags: '--reapply',
      summary: 'run every step of the upgrade again, with a fresh dump and snapshot; asks first',
    },
    {
      flags: '--force-conflicts',
      summary: 'set fields as the chart says that kubectl scale, kubectl edit or others have taken over',
    },
    {
      flags: '--supersede',
      summary: 'close the unfinished install or upgrade of another package and begin afresh with this one',
    },
    {
      flags: '--trust-key <fingerprint>',
      summary:
        'upgrade although the file has another key than the installed release: this one (or: unsigned)',
    },
    {
      flags: '--images-from <source>',
      summary: 'auto: archives on disk where they have what is needed, else the payload (default: auto)',
      choices: ['auto', 'disk', 'payload'],
    },
    { flags: '--refresh-archives', summary: 'write the image archives on disk anew from the payload' },
    {
      flags: '--preflight-only',
      summary: 'check everything, print the report and end: nothing is changed',
    },
    {
      flags: '--waive <id=reason>',
      summary: 'go on although this check fails; may be given again; the reason is recorded',
      repeatable: true,
    },
    {
      flags: '--dry-run',
      summary: 'tell step by step what would be done and what stands against it; changes nothing',
    },
    {
      flags: '--reverify',
      summary: 'read the whole payload again although an earlier run found this file intact',
    },
    { flags: '--yes', summary: 'answer yes instead of asking' },
    { flags: '--resume', summary: 'go on with an install; without it, running install again does the same' },
    { flags: '--rollback-to <step>', summary: 'excludes --upgrade; not offered by this version' },
    { flags: '--accept-data-loss', summary: 'not used by --upgrade' },
    { flags: '--json', summary: 'print one event a line as JSON' },
  ],
  touches:
    "Checks the whole payload and the host first, side by side, and refuses, with nothing changed, where it cannot succeed. A payload that an earlier run found intact is not read again while its file stays as it was (--reverify). A fresh install makes the product's folder, namespace, secrets, database volume, values file and Helm release. An upgrade dumps the database, saves state, values and Helm's records, replaces the chart, loads the image layers that are missing, upgrades the release and asks its health routes; it never edits the values file. Needs root. A run that failed or was cut off goes on when the same command is typed again.",
  examples: [
    [
      'install --fqdn wells.example.com --license license.json --yes',
      'installs on an empty k3s host without asking',
    ],
    ['install --upgrade --preflight-only', 'says whether an upgrade may start, and changes nothing'],
    ['install --upgrade', 'upgrades the installed release to the one in this file'],
    ['install --upgrade --dry-run', 'shows what that would do; exits as it would if it were refused'],
    ['install --upgrade --reapply', 'runs all steps again, e.g. after a change of the values file'],
    ['install --upgrade --images-from disk', 'takes images from the archives on disk only'],
  ],
  exits: [
    'declined',
    'usage',
    'preflight',
    'payload',
    'version',
    'failed',
    'rolled_back',
    'schema_moved',
    'locked',
    'nothing_to_do',
    'interrupted',
    'terminated',
    'bug',
  ],

  check: checkFlags,

  async run(invocation) {
    const { options } = invocation;
    const output = guardedOutput(process.stdout);
    const renderer = chooseRenderer(output, {
      json: invocation.json,
      env: process.env,
    });
    const at = () => new Date().toISOString();
    const ports: FlowPorts = {
      machine: thisMachine,
      emit: renderer.handle,
      signal: invocation.signal,
      insist: invocation.secondSignal,
      program: invocation.program,
      again: invocation.again,
      confirm: terminalConfirm(invocation.signal),
    };
    try {
      if (options.upgrade === true && options.acceptDataLoss === true) {
        const line = '--accept-data-loss is not used by --upgrade, which never deletes data';
        renderer.handle({ type: 'message', at: at(), level: 'warning', line });
      }
      const result = options.upgrade === true ? await upgrade(options, ports) : await fresh(options, ports);
      const { lines, data, plan, refusal } = result;
      const told = plan === undefined ? lines : planLines(plan, output.isTerminal ? output.columns : 80);
      renderer.handle({ type: 'result', at: at(), lines: told, data });
      if (refusal !== undefined) throw refusal;
      // These two have done nothing but tell.
      if (options.dryRun === true || options.preflightOnly === true) await assertTold(output, ports.signal);
    } finally {
      renderer.close();
    }
  },
};

/** Flags that exclude each other. Throws `usage` with the command as it was meant. */
function checkFlags({ options, program, again }: Pick<Invocation, 'options' | 'program' | 'again'>): void {
  const given = (flag: string) => {
    const value = options[flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    return value !== undefined && value !== false;
  };
  const usage = (message: string, hint: string) => new IvaapError('usage', message, { hint });
  if (options.upgrade === true) {
    const without = ['--resume', '--rollback-to', ...freshFlags];
    const [wrong] = without.filter(given);
    if (wrong === undefined) return;
    const why = (freshFlags as readonly string[]).includes(wrong)
      ? 'is an answer of a fresh install; an upgrade keeps what is in the values file'
      : 'belongs to a fresh install and excludes --upgrade: an upgrade goes on by itself when it is run again';
    throw usage(`${wrong} ${why}`, again({ without }));
  }
  if (given('--rollback-to')) {
    throw usage('taking an install back is not offered by this version', `${program} status`);
  }
  const [wrong] = upgradeFlags.filter(given);
  if (wrong !== undefined) throw usage(`${wrong} needs --upgrade`, again({ add: ['--upgrade'] }));
}

const text = (value: Options[string]) => (typeof value === 'string' ? value : undefined);
const sharedFlags = ({ preflightOnly, dryRun, reverify, yes, waive }: Options) => ({
  preflightOnly: preflightOnly === true,
  dryRun: dryRun === true,
  reverify: reverify === true,
  yes: yes === true,
  waive: Array.isArray(waive) ? (waive as string[]) : [],
});

function fresh(options: Options, ports: FlowPorts): Promise<FlowResult> {
  return runInstall(
    {
      fqdn: text(options.fqdn),
      license: text(options.license),
      storagePath: text(options.storagePath),
      values: text(options.values),
      supersede: options.supersede === true,
      ...sharedFlags(options),
    },
    ports,
  );
}

function upgrade(options: Options, ports: FlowPorts): Promise<FlowResult> {
  const from = text(options.imagesFrom);
  return runUpgrade(
    {
      skipBackup: options.skipBackup === true,
      acceptUnsupported: options.acceptUnsupportedUpgrade === true,
      reapply: options.reapply === true,
      supersede: options.supersede === true,
      forceConflicts: options.forceConflicts === true,
      trustKey: parseTrustKey(text(options.trustKey), ports.again),
      ...sharedFlags(options),
      imagesFrom: from === 'disk' || from === 'payload' ? from : 'auto',
      refreshArchives: options.refreshArchives === true,
    },
    ports,
  );
}
