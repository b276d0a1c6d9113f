# Sourced first by the scripts that a person runs: help and a mistyped flag need neither root nor Node.

# answer_usage TEXT FLAG… -- "$@": ends the script for --help, and with 2 for what is none of the flags.
answer_usage() {
  local text=$1 known=' ' argument
  shift
  while [ "$1" != -- ]; do known="$known$1 "; shift; done
  shift
  for argument in "$@"; do
    case $argument in -h | --help) printf '%s\n' "$text"; exit 0 ;; esac
  done
  for argument in "$@"; do
    case $known in
      *" $argument "*) ;;
      *) echo "$0: unknown argument: $argument (try: $0 --help)" >&2; exit 2 ;;
    esac
  done
}
