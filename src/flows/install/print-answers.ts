import { stringify } from 'yaml';
import { withoutIdleRollback } from '../../engine/rollback-record.ts';
import { grantedConnectors } from '../../policy/connectors.ts';
import { type CommandPorts } from '../../session/ports.ts';
import { Session } from '../../session/session.ts';
import { readOwnState } from '../../session/own-state.ts';
import { shellWord } from '../../shell-word.ts';
import { assertGranted, completeAnswers, foundAnswers, missingError } from './answers.ts';
import type { FileAnswers } from './answers-file.ts';
import { askOpenAnswers } from './ask.ts';
import type { InstallOptions } from './decision.ts';
import { fullPath, givenAnswers } from './given-answers.ts';
import { recordedAnswers } from './recorded-answers.ts';

/** The answers of an install as a file for `--answers`, whether it has run, failed or not begun. */
export interface PrintedAnswers {
  text: string;
  data: FileAnswers;
}

/**
 * Asks a person for what is missing, as an install does, and changes nothing. Files are named by their full
 * paths; what they hold is not in the text.
 */
export async function printedAnswers(options: InstallOptions, ports: CommandPorts): Promise<PrintedAnswers> {
  await using session = await Session.open(ports, { dryRun: true });
  const { product, paths, program, redactor, again } = session;
  try {
    const state = withoutIdleRollback(await readOwnState(session, program));
    const asked = await askOpenAnswers(session, options, { state, review: false });
    const { given, nameOf } = await givenAnswers(asked);
    const sources = { product, valuesPath: paths.values, given, nameOf, state, redactor };
    const found = await foundAnswers(sources);
    const licensePath = given.license ?? recordedAnswers(state?.run).license;
    const answers = completeAnswers(sources, found, { again, unconfirmed: false });
    if (product.license !== undefined && licensePath === undefined) throw missingError(['license'], again);
    assertGranted(product, answers, answers.license);
    const { fqdn, storagePath, storageClass, connectors, valuesFrom, license } = answers;
    const granted =
      license === undefined ? undefined : grantedConnectors(product.entitlements, license.entitlements);
    const chosen = connectors === undefined ? granted : connectors.names;
    const ownFile =
      valuesFrom === undefined || (valuesFrom.path === paths.values && given.values === undefined);
    const data: FileAnswers = {
      ...(licensePath === undefined ? {} : { license: fullPath(licensePath) }),
      fqdn,
      ...(storageClass === undefined ? { storagePath } : { storageClass }),
      ...(chosen === undefined || (connectors?.from === 'values' && !ownFile)
        ? {}
        : { connectors: [...chosen] }),
      ...(ownFile ? {} : { values: fullPath(valuesFrom.path) }),
    };
    const head =
      ` Answers of an install of ${product.title}: ${shellWord(product.command)} install --answers FILE\n` +
      ' Secrets are in the files that are named here.';
    const comment = head.split('\n').map((line) => `#${line}\n`);
    return { text: `${comment.join('')}${stringify(data)}`, data };
  } catch (error) {
    throw redactor.error(error);
  }
}
