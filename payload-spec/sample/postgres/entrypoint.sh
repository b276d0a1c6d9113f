#!/bin/sh
# Starts PostgreSQL on the mounted data folder. The first start makes the cluster, the role and the database next to it
# and renames the whole into place, so that a start which is cut off leaves nothing half made.
set -eu
umask 077
mount=${IVAAP_DATA_FOLDER:-/var/lib/postgresql/data}
data=$mount/pgdata
run=${IVAAP_RUN_FOLDER:-/var/run/postgresql}
config=${IVAAP_CONFIG_FOLDER:-/etc/postgresql}

if [ ! -f "$data/PG_VERSION" ]; then
  fresh=$mount/pgdata.new
  rm -rf "$fresh"
  echo "first start: making the database cluster"
  initdb --pgdata="$fresh" --username=postgres --encoding=UTF8 --locale=C --auth-local=peer --auth-host=scram-sha-256 >/dev/null
  pg_ctl --pgdata="$fresh" --wait --silent --log="$fresh/first-start.log" \
    --options="-c listen_addresses='' -c unix_socket_directories='$run' -c jit=off" start
  # psql reads the password itself: it appears in no argument list and in no log.
  psql --no-psqlrc --quiet --host="$run" --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 \
    --set=role="$IVAAP_DB_USER" --set=database="$IVAAP_DB_NAME" <<'SQL'
\set password `cat "$IVAAP_DB_PASSWORD_FILE"`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
SQL
  pg_ctl --pgdata="$fresh" --wait --silent --mode=fast stop
  mv "$fresh" "$data"
  sync
fi

exec postgres -D "$data" -c config_file="$config/postgresql.conf" -c hba_file="$config/pg_hba.conf" -c unix_socket_directories="$run" "$@"
