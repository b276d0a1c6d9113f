import { runInstall } from '../flows/install/install.ts';
import { runUpgrade } from '../flows/upgrade/upgrade.ts';
import { assertTold } from '../ui/answer.ts';
import { chooseRenderer } from '../ui/choose-renderer.ts';
import { terminalConfirm } from '../ui/confirm.ts';
import { guardedOutput } from '../ui/output.ts';
import { planLines } from '../ui/plan-text.ts';
import type { Command, Invocation } from './command.ts';
import { checkFlags, freshOptions, installFlags, upgradeOptions } from './install-flags.ts';

async function run({ options, json, signal, secondSignal, program, again }: Invocation): Promise<void> {
  const output = guardedOutput(process.stdout);
  const allChecks = options.verbose === true || options.preflightOnly === true;
  const renderer = chooseRenderer(output, { json, env: process.env, allChecks });
  const emit = renderer.handle;
  const at = () => new Date().toISOString();
  const ports = { emit, signal, insist: secondSignal, program, again, confirm: terminalConfirm(signal) };
  try {
    if (options.upgrade === true && options.acceptDataLoss === true) {
      const line = '--accept-data-loss is not used by --upgrade, which never deletes data';
      emit({ type: 'message', at: at(), level: 'warning', line });
    }
    const { lines, data, plan, refusal } = await (options.upgrade === true
      ? runUpgrade(upgradeOptions(options, again), ports)
      : runInstall(freshOptions(options), ports));
    const told = plan === undefined ? lines : planLines(plan, output.isTerminal ? output.columns : 80);
    emit({ type: 'result', at: at(), lines: told, data });
    if (refusal !== undefined) throw refusal;
    // These two have done nothing but tell.
    if (options.dryRun === true || options.preflightOnly === true) await assertTold(output, signal);
  } finally {
    renderer.close();
  }
}

export const install: Command = {
  options: installFlags,
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
  run,
};
