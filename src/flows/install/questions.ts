import { homedir } from 'node:os';
import { IvaapError } from '../../errors.ts';
import { causeChain } from '../../errors.ts';
import { ownNames } from '../../host/own-names.ts';
import { connectorsOf, grantedConnectors } from '../../policy/connectors.ts';
import { hostNameFault } from '../../policy/host-name.ts';
import { back, type Objection } from '../../policy/prompter.ts';
import { type License, readLicense } from '../../release/license-file.ts';
import { keptDataHere } from '../../release/ended-uninstalls.ts';
import { keptText } from '../../policy/kept-text.ts';
import { unusedText } from '../../release/kept-data.ts';
import { hideLicense } from '../../release/secrets-of-host.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { Session } from '../../session/session.ts';
import type { FoundAnswers } from './answers.ts';
import type { AnswerQuestion, Draft } from './ask-all.ts';
import type { InstallOptions } from './decision.ts';
import { answeredFlags, fullPath } from './given-answers.ts';

/** The questions of an install at a terminal, one each. */

export interface About {
  session: Session;
  /** That is known without being asked for. */
  license: License | undefined;
}

const other = 'other';

/** What an error says, for a line below the question. */
export async function objectionOf(check: () => Promise<unknown>): Promise<Objection> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (!(error instanceof IvaapError)) throw error;
    return causeChain(error).join(': ');
  }
}

/** As a shell would have read it. */
export const typedPath = (typed: string): string => fullPath(typed.replace(/^~(?=\/|$)/, homedir()));

const licenseOf = async ({ product, redactor }: Session, path: string): Promise<License> => {
  const license = await readLicense(path, product, new Date());
  hideLicense(product, license, redactor);
  return license;
};

export const licenseQuestion = ({ session }: About): AnswerQuestion => ({
  async ask(prompter, { license: initial }) {
    const typed = await prompter.text({
      title: `Where is the licence of ${session.product.title}?`,
      help: [
        'Type the path of its file, or PORT@HOST of a licence server. It decides which connectors may run.',
      ],
      ...(initial === undefined ? {} : { initial }),
      check: async (answer) =>
        answer === ''
          ? 'an install needs a licence'
          : objectionOf(() => licenseOf(session, typedPath(answer))),
    });
    return typed === back ? back : { license: typedPath(typed) };
  },
});

export async function fqdnQuestion({ session }: About): Promise<AnswerQuestion> {
  const runner = session.machine.createRunner();
  const own = (await ownNames(runner, session.signal)).filter(
    (name) => hostNameFault(name) === undefined && !/^localhost(\.|$)/.test(name),
  );
  const title = 'Under which name do browsers reach this host?';
  return {
    async ask(prompter, { fqdn }) {
      for (;;) {
        const chosen =
          own.length === 0
            ? other
            : await prompter.choose({
                title,
                help: ['These are its own names.'],
                choices: [
                  ...own.slice(0, 6).map((name) => ({ value: name, label: name })),
                  { value: other, label: 'another name' },
                ],
                ...(fqdn === undefined ? {} : { initial: own.includes(fqdn) ? fqdn : other }),
              });
        if (chosen !== other) return chosen === back ? back : { fqdn: chosen };
        // Another name is wanted than those, and one that is refused is no start for it.
        const isStart = fqdn !== undefined && !own.includes(fqdn) && hostNameFault(fqdn) === undefined;
        const typed = await prompter.text({
          title,
          help: ['A name in DNS or in /etc/hosts.'],
          ...(isStart ? { initial: fqdn } : {}),
          check: async (answer) => nameObjection(answer),
        });
        if (typed !== back) return { fqdn: typed };
        if (own.length === 0) return back;
      }
    },
  };
}

function nameObjection(name: string): Objection {
  if (name === '') return 'an install needs a name';
  const fault = hostNameFault(name);
  return fault === undefined ? undefined : `${name} ${fault.what}: ${fault.fix}`;
}

export const connectorsQuestion = ({ session, license }: About): AnswerQuestion => ({
  async ask(prompter, draft) {
    const read =
      license ?? (draft.license === undefined ? undefined : await licenseOf(session, draft.license));
    const granted = grantedConnectors(session.product.entitlements, read?.entitlements ?? []);
    if (granted.length === 0) {
      prompter.tell(['The licence grants no connector of this release.']);
      return 'skip';
    }
    const before = draft.connectors === undefined ? granted : connectorsOf(draft.connectors);
    const chosen = await prompter.chooseSome({
      title: 'Which connectors are to run?',
      help: ['The licence grants these. Space switches one.'],
      choices: granted.map((name) => ({ value: name, label: name })),
      initial: before.filter((name) => granted.includes(name)),
    });
    return chosen === back ? back : { connectors: [...chosen].sort().join(',') || 'none' };
  },
});

/** The summary with the last yes, and the last way back. */
export const reviewQuestion = (
  { session: { product, release, again } }: About,
  found: FoundAnswers,
  { dryRun, preflightOnly }: Pick<InstallOptions, 'dryRun' | 'preflightOnly'>,
): AnswerQuestion => ({
  async ask(prompter, draft) {
    const chosen = await prompter.choose({
      title: `Install ${product.title} ${release.version} like this?`,
      help: await summaryLines(draft, found, product),
      choices: [
        dryRun || preflightOnly
          ? { value: 'yes', label: 'Yes: check the host', hint: 'nothing is changed' }
          : { value: 'yes', label: 'Yes: check the host, then install', hint: 'no other question follows' },
        { value: 'change', label: 'Change an answer' },
        { value: 'no', label: 'No: stop' },
      ],
    });
    if (chosen === 'no') {
      throw new IvaapError('declined', 'not confirmed: nothing was changed', {
        hint: again({ add: answeredFlags(draft) }),
      });
    }
    return chosen === back ? back : chosen === 'change' ? 'first' : {};
  },
});

async function summaryLines(draft: Draft, found: FoundAnswers, product: Product): Promise<string[]> {
  const { storageClass = found.storageClass } = draft;
  const folder = draft.storagePath ?? found.storagePath ?? product.database.volume.defaultPath;
  const kept = await keptDataHere(product);
  const used = storageClass === undefined ? kept.find((one) => one.folder === folder) : undefined;
  const connectors = draft.connectors ?? found.connectors?.names.join(',');
  return [
    `licence     ${draft.license ?? 'as before'}`,
    `name        ${draft.fqdn ?? found.fqdn ?? ''}`,
    `database    ${storageClass === undefined ? folder : `StorageClass ${storageClass}`}`,
    ...(used === undefined ? [] : [`kept data   are used: ${keptText(used)}`]),
    ...kept.filter((one) => one !== used).map((one) => `kept data   ${unusedText(one)}`),
    `connectors  ${connectors?.replaceAll(',', ', ') ?? 'all that the licence grants'}`,
    ...(found.valuesFrom === undefined ? [] : [`values      ${found.valuesFrom.path}`]),
  ];
}
