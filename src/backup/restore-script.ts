import { maintenanceDatabase } from '../host/postgres.ts';
import type { Compression } from '../host/packed-file.ts';
import { quotedWord as word, sudoInScript } from '../shell-word.ts';
import type { Product } from '../payload/product-schema.ts';
import { type DumpedWorkload, haltFunctions } from './restore-halt.ts';
import { checkFunctions } from './restore-checks.ts';
import { besidePrefix } from './scratch-name.ts';

/** What the script is made from; all of it is known when the dump is complete. */
export interface RestoreFacts {
  product: Product;
  /** Absolute path of the host's k3s. */
  k3s: string;
  /** The dumped release. */
  release: string;
  /** Path of the file that installed that release; undefined where it was not recorded. */
  installedBy: string | undefined;
  takenAt: string;
  schemaVersion: number;
  /** Files next to the script, with their SHA-256 in hex. */
  files: {
    dump: [name: string, sha256: string];
    before: [name: string, sha256: string];
    after: [name: string, sha256: string];
  };
  /** The dump's; plain text unless it is given. */
  compress?: Compression | undefined;
  /** Size of the dump's text. */
  textBytes: number;
  /** Size of the database on disk; undefined where it was not known. */
  sizeBytes: number | undefined;
  /** Workloads with the same images are started again; others belong to another release. */
  workloads: DumpedWorkload[];
}

/**
 * The command with which the release's own file brings it back, and the one that is needed first where an
 * upgrade had completed.
 */
const oldFileCommands = (release: string, installedBy: string | undefined) => {
  const file = installedBy === undefined ? `FILE_OF_${release}` : word(installedBy);
  return {
    install: `${file} install --upgrade --supersede --waive ingress=restored`,
    repair: `${file} repair-state`,
  };
};

/** The script uses what a host has; a program to unpack may be missing there. */
const needsZstd = `  if ! command -v zstd >/dev/null 2>&1; then
    fail "the dump is packed, and the program zstd is not installed: nothing was changed. Install the package zstd, then: $again"
  fi
`;

const sumLine = ([name, sha256]: [name: string, sha256: string]): string => `${sha256}  ${name}`;

/** SHA-256 in hex that a script has for a file beside it; undefined where it names none. */
export const listedSum = (script: string, name: string): string | undefined =>
  script
    .split('\n')
    .find((line) => /^[0-9a-f]{64} {2}/.test(line) && line.slice(66) === name)
    ?.slice(0, 64);

/**
 * The way back of the database as one shell script, which may be run as often as needed. It loads the dump
 * into a database with a new name, gives that one all that belonged to the old one, and renames both in one
 * transaction. Until then only roles are changed. However it ends, the product's pods are started again.
 */
export function restoreScript(facts: RestoreFacts): string {
  const { product, k3s, release, installedBy, takenAt, schemaVersion, files, workloads } = facts;
  const { database, namespace } = product;
  const [dump, before, after] = [files.dump, files.before, files.after];
  const read = `${facts.compress === undefined ? 'cat' : 'zstd -dcq'} ${word(dump[0])}`;
  const maintenance = maintenanceDatabase(database.name);
  // Default settings of a role or a database must not stop the restore.
  const defaults = ['default_transaction_read_only=off', 'statement_timeout=0', 'lock_timeout=0'];
  const options = defaults.map((one) => `-c ${one}`).join(' ');
  const psql = `psql -X -q -A -t -w -v ON_ERROR_STOP=1 -U ${word(database.user)}`;
  const file = installedBy === undefined ? `the file of ${release}` : installedBy;
  const { install, repair } = oldFileCommands(release, installedBy);
  return `#!/bin/sh
# Restores the database ${JSON.stringify(database.name)} to what it was at ${takenAt}, with release ${release}.
# The current database is kept under another name: nothing is deleted. It may be run as often as needed.
set -eu
umask 077
unset CDPATH
case $0 in */*) cd -- "\${0%/*}/" ;; esac

quote() { # one word for a shell
  case $1 in
    '' | *[!A-Za-z0-9_@%+=:,./-]*) printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}

release=${word(release)}
live=${word(database.name)}
stamp=$(date -u +%Y%m%dT%H%M%S)_$$
copies=${word(besidePrefix(database.name, 'restore'))}
restored=$copies$stamp
moved=${word(besidePrefix(database.name, 'moved'))}$stamp
${sudoInScript}
kubectl=$sudo${word(`${word(k3s)} kubectl`)}
script=$(pwd)/\${0##*/}
again="\${sudo}sh $(quote "$script")"
pod=
created=
swapped=
stopped=
unhalted=
replaced=
kept_down=
missing=
unchecked=
ending=

say() { printf '%s\\n' "$*"; }
fail() { printf 'error: %s\\n' "$*" >&2; exit 1; }
k() { ${word(k3s)} kubectl --kubeconfig ${word(product.k3s.kubeconfig)} -n ${word(namespace)} "$@"; }
in_pod() { k exec -i "$pod" -c ${word(database.container)} -- "$@"; }
sql() {
  in_pod env PGAPPNAME="restore_$stamp" PGOPTIONS=${word(options)} ${psql} \\
    -v live="$live" -v restored="$restored" -v moved="$moved" -v copies="$copies" -v stamp="$stamp" -v ending="\${ending:-no}" -d "$@"
}
drop_command() { # DATABASE
  say "  $kubectl exec -n ${namespace} $pod -c ${database.container} -- dropdb -U ${word(database.user)} $(quote "$1")"
}

${haltFunctions(product, workloads)}

${checkFunctions(product, { maintenance, textBytes: facts.textBytes, sizeAtDump: facts.sizeBytes })}

finish() {
  code=$?
  trap - EXIT
  # A second Ctrl-C or a closed terminal does not interrupt the cleanup.
  trap '' HUP INT TERM
  set +e
  left=
  if [ -n "$created" ] && [ -z "$swapped" ]; then
    # What was interrupted here may still run in the pod: it is ended first, or it could rename the databases later.
    sql ${maintenance} >/dev/null 2>&1 <<'END'
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND (datname = :'restored' OR application_name = 'restore_' || :'stamp');
DROP DATABASE IF EXISTS :"restored";
END
    case $(database_state 2>/dev/null) in
      free) ;;
      loaded) left=" Its unfinished copy is left: $restored." ;;
      swapped) swapped=yes ;;
      *) swapped=unknown ;;
    esac
  fi
  if [ -z "$swapped" ]; then
    for one in $stopped; do start "$one"; done
    if [ "$code" != 0 ]; then
      say "NOT restored: the database $live is as it was.$left Fix the cause, then: $again" >&2
    fi
  elif [ "$swapped" = unknown ]; then
    say "Whether the database is restored is NOT KNOWN: it does not answer. What uses it stays stopped. When it answers, run all of it again: $again" >&2
  elif [ "$code" != 0 ]; then
    say "The database IS restored (the previous one is $moved); what failed came after that. To run all of it again: $again" >&2
  fi
  exit "$code"
}

database_state() {
  sql ${maintenance} <<'END'
SELECT CASE WHEN EXISTS (SELECT FROM pg_database WHERE datname = :'restored') THEN 'loaded'
  WHEN EXISTS (SELECT FROM pg_database WHERE datname = :'moved') THEN 'swapped' ELSE 'free' END;
END
}

swap() {
  sql ${maintenance} >/dev/null <<'END'
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE (datname = :'restored' OR datname = :'live' AND :'ending' = 'yes') AND pid <> pg_backend_pid();
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', datname, :'moved') FROM pg_database WHERE datname = :'live' \\gexec
ALTER DATABASE :"restored" RENAME TO :"live";
COMMIT;
END
}

main() {
  typed=$again
  for one in "$@"; do
    case $one in
      --unchecked-room) unchecked=yes ;;
      --end-sessions) ending=yes ;;
      *) fail "unknown option $one: $typed [--unchecked-room] [--end-sessions]" ;;
    esac
    again="$again $one"
  done
  if [ "$(id -u)" != 0 ]; then fail "this needs root: $again"; fi
  # Programs that are started here inherit the lock: what a killed run left running keeps it.
  if command -v flock >/dev/null 2>&1; then
    exec 9<"$script"
    flock -n 9 || fail "this script is already running, or processes of a killed run are: ps -ef | grep restore. Wait until they end, then: $again"
  fi
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM

  say "1 of 6: the files of $release in $PWD"
  sha256sum -c - <<'END' || fail "a file of the backup is damaged or missing, see above: nothing was changed"
${[dump, before, after].map(sumLine).join('\n')}
END
${facts.compress === undefined ? '' : needsZstd}
  pods=$(k get pods -l ${word(database.selector)} --field-selector=status.phase=Running -o name)
  pod=\${pods#pod/}
  case $pod in
    '') fail "the database's pod does not run: $kubectl describe pod -n ${namespace} -l ${database.selector}" ;;
    *pod/*) fail "several pods match the database, instead of one: $kubectl get pods -n ${namespace} -l ${database.selector}" ;;
  esac
  answer=$(database_state) ||
    fail "the database in pod $pod does not answer, see above: nothing was changed. $kubectl describe pod -n ${namespace} $pod"
  if [ "$answer" != free ]; then
    fail "the names $restored and $moved are not known to be free: nothing was changed"
  fi

  found=$(leftovers)
  printf '%s\\n' "$found" | while IFS= read -r one; do
    if [ -z "$one" ]; then continue; fi
    say "A run that was killed left an unfinished copy, which is not needed: $one. To delete it:"
    drop_command "$one"
  done
  check_room

  say "2 of 6: stopping what uses the database"
  halt_all
  no_sessions_left

  say "3 of 6: roles, and the empty database $restored"
  created=yes
  sql ${maintenance} >/dev/null <${word(before[0])}

  say "4 of 6: loading $(wc -c <${word(dump[0])}) bytes into it"
  # The comment is set after the dump: a truncated dump does not set it.
  { ${read} && printf '\\n%s\\n' "COMMENT ON DATABASE :\\"restored\\" IS 'complete';"; } | sql "$restored" >/dev/null
  comment=$(sql ${maintenance} <<'END'
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'restored';
END
  )
  if [ "$comment" != complete ]; then fail "the dump was not loaded completely"; fi

  say "5 of 6: its settings and privileges; then it is renamed to $live"
  sql ${maintenance} >/dev/null <${word(after[0])}
  no_sessions_left
  tries=0
  while [ "$(database_state)" != swapped ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 10 ]; then
      find_sessions
      fail "the two databases could not be renamed, see above. Sessions of $live:
\${holders:-  none at the moment}"
    fi
    swap || say "  attempt $tries of 10 failed"
    if [ -z "$ending" ]; then no_sessions_left; fi
  done
  swapped=yes

  say "6 of 6: starting again what runs with $release"
  for one in $stopped; do start_or_remove "$one"; done
  version=$(sql "$live" <<'END'
${database.schemaVersionQuery.replace(/;?\s*$/, ';')}
END
  ) || version=
  if [ "\${version:-0}" != ${schemaVersion} ]; then
    fail "the schema version is \${version:-not known}, and ${schemaVersion} was dumped: something has migrated it again"
  fi

  say "The database $live is as it was at ${takenAt}: schema version ${schemaVersion}."
  say "The previous database is kept as $moved. To delete it, once it is not needed any more:"
  drop_command "$moved"
  if [ -n "$unhalted" ]; then say "Not stopped by this script, and not started again:$unhalted. What belongs to the new release may migrate the database again."; fi
  if [ -n "$replaced$missing$kept_down" ]; then
    if [ -n "$replaced" ]; then say "Deleted, because it is of the new release and would migrate the database again:$replaced."; fi
    if [ -n "$missing" ]; then say "Missing, maybe since an earlier run of this script:$missing."; fi
    for one in $kept_down; do
      say "The new release's \${one%=*} would migrate the database again and stays stopped. If it is still stopped when $release is back: $kubectl scale -n ${namespace} \${one%=*} --replicas=\${one#*=}"
    done
    say "Bring $release back NOW, with"
    say ${word(`${file}, which creates what is missing again:`)}
    say "  $sudo"${word(install)}"\${kept_down:+ --force-conflicts}"
    say "If it says that a newer release is installed, run this first: $sudo"${word(repair)}
  fi
}

main "$@"
`;
}
