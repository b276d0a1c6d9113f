import type { TestHost } from './host.ts';
import {
  away,
  broken,
  brokenCopy,
  byShell,
  edited,
  editedState,
  filled,
  stateFile,
} from './refusal-preparations.ts';

/** One thing that an operator or a host can get wrong, and what the product must say about it. */
export interface Refusal {
  name: string;
  /** Makes the host so, and gives what takes it back. */
  prepare?: (host: TestHost) => Promise<() => Promise<unknown>>;
  /** Release whose package is typed; the host has 2026.1. */
  version?: string;
  /** Another program than a release's package. */
  program?: string;
  argv: readonly string[];
  /** Words in front of the program: another user, fewer processors. */
  under?: readonly string[];
  /** On a terminal, with this typed once it is asked. */
  answer?: string;
  exit: number;
  message: RegExp;
  hint: RegExp;
}

const upgrade = ['install', '--upgrade'];
const folder = '/opt/ivaap';
const values = `${folder}/ivaap.values.yaml`;

const helmSecrets = '-n ivaap -l owner=helm,name=ivaap';
const kubectl = 'bash /usr/local/lib/lab/node/k3s kubectl';
const keptRelease = 'create -f /root/release.json >/dev/null; rm /root/release.json';
const withoutUid = `jq 'del(.items[].metadata["uid","resourceVersion","creationTimestamp","managedFields"])'`;

export const refusals: readonly Refusal[] = [
  {
    name: 'an unknown flag',
    argv: [...upgrade, '--no-such-flag'],
    exit: 2,
    message: /unknown option '--no-such-flag'/,
    hint: /install --help/,
  },
  ...[['--resume'], ['--rollback-to', 'postgres']].map((flags) => ({
    name: `${flags[0]} beside --upgrade`,
    argv: [...upgrade, ...flags],
    exit: 2,
    message: new RegExp(`--upgrade.*${flags[0]}|${flags[0]}.*--upgrade`),
    hint: /install --upgrade/,
  })),
  {
    name: '--skip-backup beside --reapply',
    version: '2026.1',
    argv: [...upgrade, '--reapply', '--skip-backup', '--yes'],
    exit: 2,
    message: /--reapply.*--skip-backup|--skip-backup.*--reapply/,
    hint: /\S/,
  },
  {
    name: '--reapply without a terminal and without --yes',
    version: '2026.1',
    argv: [...upgrade, '--reapply'],
    exit: 2,
    message: /terminal|confirm/,
    hint: /--yes/,
  },
  {
    name: '--reapply that is declined',
    version: '2026.1',
    argv: [...upgrade, '--reapply'],
    answer: 'no\r',
    exit: 1,
    message: /not confirmed: nothing was changed/,
    hint: /--reapply/,
  },
  {
    name: 'somebody who is not root',
    argv: upgrade,
    under: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    exit: 3,
    message: /root/,
    hint: /sudo/,
  },
  {
    name: 'a host without k3s',
    prepare: away('/usr/local/bin/k3s'),
    argv: upgrade,
    exit: 3,
    message: /k3s/,
    hint: /\S/,
  },
  {
    name: 'a cluster that is down',
    prepare: byShell(
      'touch /run/lab/hold; kill -9 $(cat /run/lab/kube-apiserver.pid)',
      `rm /run/lab/hold; until ${kubectl} get --raw /readyz >/dev/null 2>&1; do sleep 0.2; done`,
    ),
    argv: upgrade,
    exit: 3,
    message: /cluster|API server|does not answer/i,
    hint: /k3s|systemctl/,
  },
  {
    name: 'a Helm release without installer state',
    prepare: away(stateFile),
    argv: upgrade,
    exit: 5,
    message: /state is lost/,
    hint: /repair-state/,
  },
  {
    name: 'a state file that is not JSON',
    prepare: edited(stateFile, (text) => text.slice(0, text.length / 2)),
    argv: upgrade,
    exit: 3,
    message: /state\.json.*damaged/,
    hint: /repair-state/,
  },
  {
    name: 'a state file of an unknown major version',
    prepare: editedState(({ schema }) => void (schema.major = 7)),
    argv: upgrade,
    exit: 5,
    message: /state\.json.*7\./,
    hint: /newer/,
  },
  {
    name: 'an installation that was never finished',
    prepare: editedState((parsed) => {
      delete parsed.installed;
      parsed.run.status = 'failed';
    }),
    argv: upgrade,
    exit: 5,
    message: /not (complete|finished)|never (completed|finished)|unfinished/i,
    hint: /install --resume|ivaap install/,
  },
  {
    name: 'state, chart on disk and release that disagree on the version',
    prepare: edited(`${folder}/IVAAPHelmTemplate/Chart.yaml`, (text) =>
      text.replaceAll('2026.1', '2026.0').replaceAll('2026.0.0', '2026.0.0'),
    ),
    argv: upgrade,
    exit: 3,
    message: /(?=[^]*state[^]*2026\.1)(?=[^]*2026\.0)(?=[^]*release[^]*2026\.1)/i,
    hint: /\S/,
  },
  { name: 'a downgrade', version: '2025.9', argv: upgrade, exit: 5, message: /2025\.9/, hint: /\S/ },
  {
    name: 'a downgrade that is asked for as unsupported',
    version: '2025.9',
    argv: [...upgrade, '--accept-unsupported-upgrade'],
    exit: 5,
    message: /2025\.9/,
    hint: /\S/,
  },
  { name: 'a skipped major', version: '2028.1', argv: upgrade, exit: 5, message: /major/, hint: /2027/ },
  {
    name: 'the same version',
    version: '2026.1',
    argv: upgrade,
    exit: 10,
    message: /2026\.1/,
    hint: /--reapply/,
  },
  {
    name: 'a payload that was cut off',
    prepare: brokenCopy(`head -c 200000000 $good > ${broken}`),
    program: broken,
    argv: upgrade,
    exit: 4,
    message: /cut off|incomplete|complete up to/,
    hint: /\S/,
  },
  {
    name: 'a payload with one byte changed',
    prepare: brokenCopy(
      `cp $good ${broken}; printf '#' | dd of=${broken} bs=1 seek=150000000 conv=notrunc status=none`,
    ),
    program: broken,
    argv: upgrade,
    exit: 4,
    message: /damaged: \S+ \(bytes \d+ to \d+\)/,
    hint: /\S/,
  },
  {
    name: 'an executable without a payload',
    prepare: brokenCopy(`head -c $(unzip -p $good index.json | jq .headSize) $good > ${broken}`),
    program: broken,
    argv: upgrade,
    exit: 4,
    message: /no payload/,
    hint: /\S/,
  },
  {
    name: 'no values file',
    prepare: away(values),
    argv: upgrade,
    exit: 3,
    message: /values file .* is missing/,
    hint: /\S/,
  },
  {
    name: 'a values file that is not YAML',
    prepare: edited(values, (text) => `${text}\n  - ]: {\n`),
    argv: upgrade,
    exit: 3,
    message: /is not valid YAML: line \d+/,
    hint: /ivaap\.values\.yaml/,
  },
  {
    name: 'a values file with a key twice',
    prepare: edited(values, (text) => `${text}\nmail:\n  username: twice\n`),
    argv: upgrade,
    exit: 3,
    message: /duplicate keys: line \d+: duplicate key "mail"/,
    hint: /ivaap\.values\.yaml/,
  },
  {
    name: 'values that the chart refuses',
    prepare: edited(values, (text) => text.replace(/(readinessPath:).*/, '$1 7')),
    argv: upgrade,
    exit: 3,
    message: /chart: the chart of 2026\.2 cannot be rendered.*readinessPath/s,
    hint: /ivaap\.values\.yaml/,
  },
  {
    name: 'a Helm release that is missing',
    prepare: byShell(
      `${kubectl} get secret ${helmSecrets} -o json | ${withoutUid} > ` +
        `/root/release.json; ${kubectl} delete secret ${helmSecrets}`,
      `${kubectl} ${keptRelease}`,
    ),
    argv: upgrade,
    exit: 3,
    message: /Helm release.*ivaap/,
    hint: /\S/,
  },
  {
    name: 'a Helm release of another chart',
    prepare: byShell(
      `${kubectl} get secret ${helmSecrets} -o json | ${withoutUid} > /root/release.json
       ${kubectl} get secret sh.helm.release.v1.ivaap.v1 -n ivaap -o jsonpath='{.data.release}' | base64 -d | base64 -d | gunzip |
         jq -c '.chart.metadata.name = "SomethingElse"' | gzip | base64 -w0 | base64 -w0 > /root/changed
       ${kubectl} patch secret sh.helm.release.v1.ivaap.v1 -n ivaap --patch-file <(printf '{"data":{"release":"%s"}}' "$(cat /root/changed)")
       rm /root/changed`,
      `${kubectl} delete secret ${helmSecrets}; ${kubectl} ${keptRelease}`,
    ),
    argv: upgrade,
    exit: 3,
    message: /SomethingElse/,
    hint: /\S/,
  },
  {
    name: 'a database that is down',
    prepare: byShell(
      `${kubectl} cordon k3s-node; ${kubectl} delete pod postgres-0 -n ivaap --wait`,
      `${kubectl} uncordon k3s-node; ${kubectl} wait ` +
        'pod/postgres-0 -n ivaap --for=condition=Ready --timeout=90s',
    ),
    argv: upgrade,
    exit: 3,
    message: /database/,
    hint: /kubectl/,
  },
  {
    name: 'too few processors',
    argv: upgrade,
    under: ['taskset', '-c', '0'],
    exit: 3,
    message: /cpus: 1 processors \(limit: 2 needed\)/,
    hint: /nproc/,
  },
  {
    name: 'too little memory',
    argv: upgrade,
    // Only this program sees another machine: the cluster continues with what it has.
    under: [
      'unshare',
      '--mount',
      'sh',
      '-euc',
      `sed -E 's/^MemTotal:.*/MemTotal: 2000000 kB/' /proc/meminfo > /run/meminfo
       mount --bind /run/meminfo /proc/meminfo; rm /run/meminfo; exec "$0" "$@"`,
    ],
    exit: 3,
    message: /memory: 1\.91 GiB of memory \(limit: 3\.60 GiB needed\)/,
    hint: /free/,
  },
  // Enough for an install (1 GiB), too little for an upgrade (2 GiB).
  {
    name: 'too little room for an upgrade where the product lives',
    prepare: filled(folder, 1536),
    argv: upgrade,
    exit: 3,
    message: /1\.(?:50|49) GiB free on \/opt\/ivaap \(limit: [\d.]+ GiB needed/,
    hint: /df -h/,
  },
  {
    name: 'too little room for an upgrade’s images',
    prepare: filled('/var/lib/rancher', 3072),
    argv: upgrade,
    exit: 3,
    message: /(?:3\.00|2\.99) GiB free on \S+ \(limit: [\d.]+ GiB needed: .*\/var\/lib\/rancher/,
    hint: /df -h/,
  },
];
