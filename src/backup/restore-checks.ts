import type { Product } from '../payload/product-schema.ts';

/** Reserved for the database's log while the copy is loaded: a tenth of the disk, at most this. */
const mostReserve = 1_073_741_824;

/** What the checks need in addition to the product. */
interface CheckFacts {
  /** Database to connect to while neither of the two can be used. */
  maintenance: string;
  /** Size of the dump's text. */
  textBytes: number;
  /** Size of the database when the dump was taken; undefined where it was not known. */
  sizeAtDump: number | undefined;
}

/**
 * Shell functions that check free space and sessions: before anything is changed, and before the databases
 * are renamed.
 */
export function checkFunctions(product: Product, { maintenance, textBytes, sizeAtDump }: CheckFacts): string {
  const { claim } = product.database.volume;
  return `disk_of() { # PROGRAM...: sets total and free, in KiB; empty where they are not known
  set -- $("$@" 2>/dev/null | tail -n 1)
  total=\${2-} free=\${4-}
  number "$total" && number "$free"
}

check_room() {
  if [ -n "$unchecked" ]; then return 0; fi
  size=$(sql ${maintenance} <<'END'
SELECT pg_database_size(oid) FROM pg_database WHERE datname = :'live';
END
  ) || size=
  data=$(sql ${maintenance} <<'END'
SELECT coalesce(nullif(max(pg_tablespace_location(dattablespace)), ''), current_setting('data_directory'))
  FROM pg_database WHERE datname = :'live';
END
  ) || data=
  volume=$(k get pvc ${claim} --ignore-not-found -o 'jsonpath={.spec.volumeName}') || volume=
  host=
  if [ -n "$volume" ]; then
    host=$(k get pv "$volume" --ignore-not-found -o 'jsonpath={.spec.hostPath.path}{.spec.local.path}') || host=
  fi
  place="\${data:-the data folder} in the pod $pod\${host:+ ($host on this host)}"
  known=
  if [ -n "$data" ] && disk_of in_pod df -Pk "$data"; then known=yes; fi
  if [ -z "$known" ] && [ -n "$host" ] && disk_of df -Pk "$host"; then known=yes; fi
  unless="If you know that there is enough: $again --unchecked-room"
  if [ -z "$known" ]; then fail "the free space at $place is NOT KNOWN: nothing was changed. $unless"; fi
  bytes=${sizeAtDump ?? ''}
  if [ -z "$bytes" ]; then
    bytes=${textBytes}
    if number "$size" && [ "$size" -gt "$bytes" ]; then bytes=$size; fi
  fi
  bytes=$((bytes + bytes / 10))
  reserve=$((total / 10 * 1024))
  if [ "$reserve" -gt ${mostReserve} ]; then reserve=${mostReserve}; fi
  free=$((free * 1024))
  if [ $((bytes + reserve)) -gt "$free" ]; then
    fail "not enough free space for a second copy of the database at $place: $free bytes are free; needed are about $bytes bytes, and $reserve bytes for the database's log. Nothing was changed. Free some space there (df -h \${host:-/}), then: $again. $unless"
  fi
}

leftovers() { # copies that a killed run has left
  sql ${maintenance} <<'END'
SELECT datname FROM pg_database WHERE datname <> :'restored' AND substr(datname, 1, length(:'copies')) = :'copies'
  AND substr(datname, length(:'copies') + 1) ~ '^[0-9]{8}T[0-9]{6}_[0-9]+$';
END
}

find_sessions() { # sets holders: one line for each session, with the pod that it comes from
  answer=$(sql ${maintenance} <<'END'
SELECT host(client_addr), regexp_replace(format('  session %s of user %s (%s), from %s', pid, usename,
    coalesce(nullif(application_name, ''), 'no application name'), coalesce(host(client_addr), 'the pod itself')), '[[:cntrl:]]', '?', 'g')
  FROM pg_stat_activity WHERE datname = :'live' AND pid <> pg_backend_pid()
  AND backend_type NOT IN ('autovacuum worker', 'parallel worker')
UNION ALL SELECT NULL, regexp_replace(format('  prepared transaction %L of user %s (ROLLBACK PREPARED or COMMIT PREPARED ends it)', gid, owner),
  '[[:cntrl:]]', '?', 'g') FROM pg_prepared_xacts WHERE database = :'live' ORDER BY 2;
SELECT '<end>';
END
  )
  case $answer in *'<end>') answer=\${answer%'<end>'} ;; *) fail "the sessions of the database $live are not known: its answer was cut off" ;; esac
  holders=$(printf '%s' "$answer" | while IFS='|' read -r address text; do
    from=
    if [ -n "$address" ]; then
      from=$(k get pods -A "--field-selector=status.podIP=$address" \\
        -o 'jsonpath={range .items[*]} {.metadata.namespace}/{.metadata.name}{end}' </dev/null) || from=" (which one is not known)"
    fi
    say "$text\${from:+, pod$from}"
  done)
}

no_sessions_left() { # sessions of pods that have just ended may take a moment
  seconds=0
  while :; do
    find_sessions
    if [ -z "$holders" ]; then return 0; fi
    if [ -n "$ending" ]; then
      say "These sessions use the database and are ended; they may reconnect to the restored one:"
      say "$holders"
      return 0
    fi
    if [ "$seconds" -ge 5 ]; then
      fail "other sessions use the database $live, and what they write would not be in the restored one:
$holders
Stop them. To end the sessions instead: $again --end-sessions"
    fi
    seconds=$((seconds + 1))
    sleep 1
  done
}`;
}
