import type { ErrorCode } from '../src/errors.ts';

/** What docs/troubleshooting.md says by hand; the rest comes from the tables of codes and of checks. */

export interface Entry {
  cause: string;
  now: string;
  todo: string;
}

const sameCommand = 'run the same command again';

export const codeEntries: Record<ErrorCode, Entry> = {
  declined: {
    cause: 'a question was answered with no',
    now: 'nothing was changed',
    todo:
      'run the command again and answer `y`; `--yes` answers for a script, but not the ' +
      'questions of `uninstall` and `restore`',
  },
  usage: {
    cause:
      'a flag or word that does not exist or excludes another one, a missing answer ' +
      'without a terminal, or a ' +
      'file named on the command line that cannot be read',
    now: 'nothing was changed',
    todo: 'type the command that the hint gives; `--help` lists the flags',
  },
  preflight: {
    cause: 'the host, the cluster or the values file is not as the run needs it, or the program needs root',
    now: 'nothing was changed, and the installed release runs as before',
    todo:
      'do what the message or each failed check names ([below](#checks-of-preflight)), ' +
      `then ${sameCommand}`,
  },
  payload: {
    cause: 'the file was cut off or damaged on its way, or it carries another key than the installed release',
    now: 'nothing of the damaged content was used; the installed release runs as before',
    todo:
      'copy it again and compare its SHA-256 with the delivery, then `./ivaap verify`; ' +
      'with another key ask ' +
      'the vendor over another channel ([trust](trust.md)) before you type `--trust-key`',
  },
  version: {
    cause:
      'a downgrade, a skipped major version, a host without installer state, or an ' +
      'unfinished run of another ' +
      'package',
    now: 'nothing was changed, and the installed release runs as before',
    todo:
      'take the package or the command that the hint names; `sudo ./ivaap status` ' +
      'shows what is installed',
  },
  failed: {
    cause:
      'a step failed: a full disk, a database or cluster that does not answer, a pod that does not start',
    now: 'completed steps are recorded and kept; the message says what runs, and whether the schema moved',
    todo: `fix the cause that the message names, then ${sameCommand}: it resumes at that step`,
  },
  rolled_back: {
    cause: 'the new release did not become ready, and Helm rolled back',
    now: 'the old release runs and answers, the schema is unchanged: the window may end here',
    todo: `fix the cause, then ${sameCommand}; there is nothing to undo`,
  },
  schema_moved: {
    cause: 'the new release failed after it had migrated the schema of the database, or a part of it',
    now:
      'no data is lost, but rolling the chart back does not undo the schema; assume ' +
      'that users cannot work',
    todo:
      `fix the cause and ${sameCommand}; if it cannot be fixed, [go ` +
      'back](operators.md#going-back) with `sudo ./ivaap ' +
      'restore`',
  },
  locked: {
    cause: 'another run works on this host; the message names it',
    now: 'this command has changed nothing; the other run goes on',
    todo: '`sudo ./ivaap status --watch` shows it; when it has ended, run the command again',
  },
  nothing_to_do: {
    cause:
      'this version and payload are installed already, or there is no unfinished run to resume or to undo',
    now: 'nothing was changed',
    todo: 'nothing; `install --upgrade --reapply` runs every step again, as after an edit of the values file',
  },
  bug: {
    cause: 'a defect of this program',
    now: 'what was recorded stays; `sudo ./ivaap status` shows the state of the host',
    todo: `send the message and the log that it names to support; ${sameCommand}`,
  },
  interrupted: {
    cause: 'Ctrl-C in the terminal of the run, or a SIGINT of another program',
    now: 'the run stopped at a safe point; completed steps are kept',
    todo: `${sameCommand}: it resumes`,
  },
  terminated: {
    cause: 'SIGTERM: a shutdown, a service manager, a time limit around the command',
    now: 'the run stopped at a safe point; completed steps are kept',
    todo: `${sameCommand}: it resumes`,
  },
};

/** Why each check of preflight fails on real hosts; a test fails where one is missing or too many. */
export const checkCauses: Readonly<Record<string, string>> = {
  payload: 'a copy that was cut off, a bad medium, or a disk that returns wrong bytes',
  state:
    'the disk is mounted read-only, a file attribute (`lsattr`) forbids writing, or ' +
    'a folder was replaced by a ' +
    'link',
  halted: 'an uninstall, a rollback or a restore was killed after it had stopped the product',
  cpus: 'the machine was made smaller, or a container or cgroup limits it',
  memory: 'the machine has less memory than the data sheet asks for',
  room: 'old images, logs and backups on the disk of the product, of the images or of the database',
  versions: 'a `helm upgrade`, a rollback or a restore by hand since the last run',
  'k3s-version': 'k3s was upgraded beyond, or never upgraded up to, what the release was tested with',
  'release-notes':
    'your values file sets a key that a newer release removed, renamed or changed, ' +
    'lacks one that it needs, or ' +
    'migrates the schema at once where the vendor asks for two windows',
  chart: 'a value has the wrong type, or a key that the chart does not know',
  'postgres-major': 'the new chart renders another major version of PostgreSQL than the data folder has',
  license:
    'the licence lacks an entitlement of an enabled connector, has expired, or its server does not answer',
  images: 'the values file names an image that neither the payload nor containerd has',
  archives: 'an archive on disk is of the release before, was cut off, or was written by another program',
  'helm-state': 'a Helm was killed, another Helm is at work, or the release was removed by hand',
  'field-conflicts': '`kubectl scale`, `kubectl edit` or another tool has changed what Helm manages',
  objects: 'an admission webhook, a quota or an immutable field, or an object that Helm did not make',
  schedule: 'too little free processor or memory, a taint, a cordoned node, or a host port that is taken',
  'database-login':
    'the password in the database was changed, and the Secret was not (or the other way round)',
  references: 'a config map, a secret, a claim or a StorageClass was deleted or has another name',
  'pull-policy': 'the values file sets `Always`, or a tag is `latest`, on a host without a registry',
  'sandbox-image': 'the pause image was removed by a clean-up, or its blobs are incomplete',
  'helm-process': 'somebody runs Helm on this release, or one hangs',
  'node-ready': 'kubelet or containerd is down or was restarted just now, or the node was cordoned',
  'disk-pressure': 'the disk, the memory or the processes of the host are nearly used up',
  'image-gc': 'the disk of the images is so full that kubelet removes images that no running pod uses',
  pods: 'a pod crashes, or waits for an image: damage from before the upgrade',
  'volume-bound': 'a claim has no volume: the volume was deleted, or its StorageClass is gone',
  database: "the database's pod is down, or a session holds a lock that the dump would wait for",
  ingress: 'the product is down, its name differs from the values file, or the ingress controller is missing',
  certificates: 'k3s has not been restarted for a year: it renews its certificates when it starts',
  clock: 'no time server is reachable, or the machine was suspended',
};

/** What to do, where that depends on more than the one fix which the check itself names. */
export const checkTodos: Record<string, string> = {
  'postgres-major':
    'where the product’s data say `majorUpgrade: dump-restore`, the upgrade takes the data to the later ' +
    'major by itself ([how](operators.md#another-major-version-of-postgresql)), and this check fails only ' +
    'for what stands against that: a link, a mount point, another database, a tablespace. Remove what it ' +
    'names. Where they do not, ask the vendor for a package that does, or dump and restore into the new ' +
    'major by hand first',
};
