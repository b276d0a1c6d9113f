# Sourced by the scripts that a person runs first: after it, `node` is the project's own Node and all packages are there.
# The machine's own Node only starts npm.

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

if [ "$(id -u)" -ne 0 ]; then
  echo "$0: run it as root: it makes namespaces, mounts and a containerd of its own" >&2
  echo "  try: sudo $0" >&2
  exit 2
fi

if ! command -v npm >/dev/null 2>&1; then
  say "npm is missing: installing Debian's nodejs and npm"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi

if ! cmp -s package-lock.json node_modules/.installed-lock; then
  say "installing the pinned npm packages (npm ci)"
  npm ci --no-audit --no-fund --loglevel=error >/dev/null
  cp package-lock.json node_modules/.installed-lock
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
