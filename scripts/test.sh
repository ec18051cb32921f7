#!/bin/sh
# Every check and every test. The last line counts them.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
exec sh scripts/with-node.sh node scripts/run-tests.mjs "$@"
