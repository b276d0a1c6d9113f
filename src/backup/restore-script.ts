import type { Product } from '../payload/product-schema.ts';

/** What the script is made of: all of it is known when the dump is whole. */
export interface RestoreFacts {
  product: Product;
  /** Absolute path of the host's k3s. */
  k3s: string;
  /** The release that the dump was taken of. */
  release: string;
  /** Path of the file that installed that release; undefined where nobody recorded it. */
  installedBy: string | undefined;
  takenAt: string;
  schemaVersion: number;
  /** Files beside the script, with their SHA-256 in hex. */
  files: {
    dump: [name: string, sha256: string];
    before: [name: string, sha256: string];
    after: [name: string, sha256: string];
  };
  /** Deployments as they were: whoever runs the same images is started again, the others are another release's. */
  deployments: { name: string; selector: string; replicas: number; images: string }[];
}

/** Of a container's images, as the script compares them. */
const imagesPath = '{range .spec.template.spec.containers[*]}{.name}={.image} {end}';

/** One word for a POSIX shell, quoted only where it must be. */
const word = (text: string) =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** PostgreSQL cuts names at 63 bytes, and a name that is cut may be another one's: 33 bytes are for what is put behind. */
function prefixOf(name: string): string {
  let prefix = name;
  while (Buffer.byteLength(prefix) > 30) prefix = prefix.slice(0, -1);
  return prefix;
}

/**
 * The way back of the database as one program for a shell, which may be started as often as it takes: it loads the dump into a database
 * with a new name, gives that one all that belonged to the old one, and lets the two change names in one transaction. Until then
 * nothing that is there is changed but roles, and on every way out the product's pods are started again.
 */
export function restoreScript(facts: RestoreFacts): string {
  const { product, k3s, release, installedBy, takenAt, schemaVersion, files, deployments } = facts;
  const { database, namespace } = product;
  const [dump, before, after] = [files.dump, files.before, files.after];
  const maintenance = database.name === 'postgres' ? 'template1' : 'postgres';
  // What a role or a database was given as its default must not stop the restore.
  const defaults = ['default_transaction_read_only=off', 'statement_timeout=0', 'lock_timeout=0'];
  const options = defaults.map((one) => `-c ${one}`).join(' ');
  const psql = `env PGOPTIONS=${word(options)} psql -X -q -A -t -w -v ON_ERROR_STOP=1 -U ${word(database.user)}`;
  const file = installedBy === undefined ? `the file of ${release}` : installedBy;
  const again = `${installedBy === undefined ? `FILE_OF_${release}` : word(installedBy)} install --upgrade --supersede --waive ingress=restored`;
  const repair = `${installedBy === undefined ? `FILE_OF_${release}` : word(installedBy)} repair-state`;
  return `#!/bin/sh
# Brings the database ${JSON.stringify(database.name)} back to what it was at ${takenAt}, with release ${release}.
# The database of now is kept under another name: nothing is deleted. May be started again as often as it takes.
set -eu
umask 077
cd "$(dirname "$0")"
script=$PWD/$(basename "$0")

release=${word(release)}
live=${word(database.name)}
stamp=$(date -u +%Y%m%dT%H%M%S)_$$
restored=${word(`${prefixOf(database.name)}_restore_`)}$stamp
moved=${word(`${prefixOf(database.name)}_moved_`)}$stamp
created=
swapping=
swapped=
stopped=
replaced=
missing=

say() { printf '%s\\n' "$*"; }
fail() { printf 'error: %s\\n' "$*" >&2; exit 1; }
k() { ${word(k3s)} kubectl --kubeconfig ${word(product.k3s.kubeconfig)} -n ${word(namespace)} "$@"; }
in_pod() { k exec -i "$pod" -c ${word(database.container)} -- "$@"; }
sql() { in_pod ${psql} -v live="$live" -v restored="$restored" -v moved="$moved" -d "$@"; }

halt() { # NAME SELECTOR REPLICAS-AT-THE-DUMP
  now=$(k get deployment "$1" --ignore-not-found -o 'jsonpath={.spec.replicas}')
  if [ -z "$now" ]; then missing="$missing $1"; return 0; fi
  if [ "$now" = 0 ]; then now=$3; fi
  stopped="$stopped $1=$now"
  k scale deployment "$1" --replicas=0 >/dev/null
  seconds=0
  while :; do
    left=$(k get pods -l "$2" -o name)
    if [ -z "$left" ]; then break; fi
    if [ "$seconds" -ge 120 ]; then fail "pods of $1 do not end: k3s kubectl get pods -n ${namespace} -l $2"; fi
    seconds=$((seconds + 1))
    sleep 1
  done
}

start() { # NAME: as before
  for one in $stopped; do
    if [ "\${one%=*}" = "$1" ]; then k scale deployment "$1" --replicas="\${one#*=}" >/dev/null; fi
  done
}

start_or_remove() { # NAME IMAGES-AT-THE-DUMP
  case " $stopped" in *" $1="*) ;; *) return 0 ;; esac
  images=$(k get deployment "$1" -o ${word(`jsonpath=${imagesPath}`)})
  if [ "$images" = "$2" ]; then
    start "$1"
  else
    # It may be what moved the database: the old release's file makes it anew as it was.
    k delete deployment "$1" >/dev/null
    replaced="$replaced $1"
  fi
}

finish() {
  code=$?
  trap - EXIT
  # What ends here is not cut off by a second Ctrl-C, nor by a terminal that goes.
  trap '' HUP INT TERM
  set +e
  # A signal may have come between the change of names and our knowing of it.
  if [ -n "$swapping" ] && [ "$(whereabouts 2>/dev/null)" = swapped ]; then swapped=yes; fi
  if [ -z "$swapped" ]; then
    if [ -n "$created" ]; then
      printf '%s\\n' 'DROP DATABASE IF EXISTS :"restored";' | sql ${maintenance} >/dev/null 2>&1
    fi
    for one in $stopped; do start "\${one%=*}"; done
    if [ "$code" != 0 ]; then
      say "NOT restored: the database $live is as it was. Mend the cause, then: sh $script" >&2
    fi
  elif [ "$code" != 0 ]; then
    say "The database IS restored (the one of before is $moved); what failed came after that. To do all of it again: sh $script" >&2
  fi
  exit "$code"
}

whereabouts() {
  sql ${maintenance} <<'END'
SELECT CASE WHEN EXISTS (SELECT FROM pg_database WHERE datname = :'restored') THEN 'loaded'
  WHEN EXISTS (SELECT FROM pg_database WHERE datname = :'moved') THEN 'swapped' ELSE 'free' END;
END
}

swap() {
  sql ${maintenance} >/dev/null <<'END'
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname IN (:'live', :'restored') AND pid <> pg_backend_pid();
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', datname, :'moved') FROM pg_database WHERE datname = :'live' \\gexec
ALTER DATABASE :"restored" RENAME TO :"live";
COMMIT;
END
}

main() {
  if [ "$(id -u)" != 0 ]; then fail "this needs root: sudo sh '$script'"; fi
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM

  say "1 of 6: the files of $release in $PWD"
  sha256sum -c - <<'END' || fail "a file of the backup is damaged or missing, see above: nothing was changed"
${[dump, before, after].map(([name, sha256]) => `${sha256}  ${name}`).join('\n')}
END

  pods=$(k get pods -l ${word(database.selector)} --field-selector=status.phase=Running -o name)
  pod=\${pods#pod/}
  case $pod in
    '') fail "the database's pod does not run: k3s kubectl describe pod -n ${namespace} -l ${database.selector}" ;;
    *pod/*) fail "several pods claim to be the database: k3s kubectl get pods -n ${namespace} -l ${database.selector}" ;;
  esac
  if [ "$(whereabouts)" != free ]; then
    fail "the database does not say that the names $restored and $moved are free: nothing was changed"
  fi

  say "2 of 6: stopping what works with the database"
${deployments.map(({ name, selector, replicas }) => `  halt ${word(name)} ${word(selector)} ${replicas}`).join('\n') || '  :'}

  say "3 of 6: roles, and the empty database $restored"
  created=yes
  sql ${maintenance} >/dev/null <${word(before[0])}

  say "4 of 6: loading $(wc -c <${word(dump[0])}) bytes into it"
  # The last word comes behind the dump's own: what was cut off on its way lacks it.
  { cat ${word(dump[0])} && printf '\\n%s\\n' "COMMENT ON DATABASE :\\"restored\\" IS 'whole';"; } | sql "$restored" >/dev/null
  whole=$(sql ${maintenance} <<'END'
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'restored';
END
  )
  if [ "$whole" != whole ]; then fail "the dump did not arrive in the database as a whole"; fi

  say "5 of 6: its settings and privileges; then it takes the name $live"
  sql ${maintenance} >/dev/null <${word(after[0])}
  tries=0
  swapping=yes
  while [ "$(whereabouts)" != swapped ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 10 ]; then fail "others hold on to the database: k3s kubectl get pods -A"; fi
    swap || say "  try $tries of 10 failed"
  done
  swapped=yes

  say "6 of 6: starting again what runs with $release"
${deployments.map(({ name, images }) => `  start_or_remove ${word(name)} ${word(images)}`).join('\n') || '  :'}
  version=$(sql "$live" <<'END'
${database.schemaVersionQuery.replace(/;?\s*$/, ';')}
END
  ) || version=
  if [ "\${version:-0}" != ${schemaVersion} ]; then
    fail "the schema version is \${version:-not known}, and ${schemaVersion} was dumped: something has moved it again"
  fi

  say "The database $live is as it was at ${takenAt}: schema version ${schemaVersion}."
  say "The database of before this restore is kept as $moved. To delete it, when nobody needs it any more:"
  say "  k3s kubectl exec -n ${namespace} $pod -c ${database.container} -- dropdb -U ${database.user} '$moved'"
  if [ -n "$replaced$missing" ]; then
    if [ -n "$replaced" ]; then say "The new release's$replaced would move it again and was taken away."; fi
    if [ -n "$missing" ]; then say "Not there, maybe since an earlier start of this script:$missing."; fi
    say "Bring $release back NOW, with"
    say ${word(`${file}, which makes what is missing anew:`)}
    say ${word(`  ${again}`)}
    say ${word(`Where it says that a newer release is installed, type this first: ${repair}`)}
  fi
}

main "$@"
`;
}
