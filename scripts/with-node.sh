#!/bin/sh
# Runs a command with the Node that package.json pins first on the PATH.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=x64 ;; esac
PATH="$root/node_modules/node-linux-$arch/bin:$root/node_modules/.bin:$PATH"
export PATH
exec "$@"
