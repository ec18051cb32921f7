#!/bin/sh
# Makes a checkout ready to run: Debian packages, npm packages, build. What is there already is left alone.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

need_packages() {
  missing=
  for pair in haproxy:haproxy certbot:certbot openssl:openssl ${AGENTMETAL_SETUP_ALSO:-}; do
    # Debian keeps daemons in sbin, which is not on every user's PATH.
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || [ -d "${pair%%:*}" ] ||
      missing="$missing ${pair##*:}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "not installed:$missing. Installing them needs root: sudo apt-get install -y$missing"
    say "going on without; what needs them will say so (bin/agentmetal doctor)"
    return 0
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    say "not installed:$missing, and there is no apt-get to install them with"
    return 0
  fi
  say "installing$missing from the distribution"
  log=$(mktemp)
  # The agent starts HAProxy itself; the distribution's own service would hold nothing but is not wanted either.
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "installing$missing failed; see above"
    exit 1
  fi
  rm -f "$log"
}

need_node() {
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    say "needs Node 20 or newer, with npm, to begin with"
    exit 1
  fi
}

fingerprint() { cat "$@" | cksum | tr -d ' '; }

need_modules() {
  stamp=node_modules/.agentmetal-lock
  wanted=$(fingerprint package-lock.json package.json)
  [ "$(cat $stamp 2>/dev/null)" != "$wanted" ] || return 0
  say 'installing npm packages'
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$wanted" >$stamp
}

need_build() {
  stamp=dist/.agentmetal-source
  wanted=$(find src package-lock.json tsconfig*.json -type f ! -name '*.test.ts' | LC_ALL=C sort | xargs cat | cksum | tr -d ' ')
  [ "$(cat $stamp 2>/dev/null)" != "$wanted" ] || return 0
  say 'building'
  npm run -s build >&2
  echo "$wanted" >$stamp
}

need_node
need_packages
need_modules
need_build
