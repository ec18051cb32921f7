#!/bin/sh
# Every check and every test; `npm test -- src/agent` runs some. The last line counts them.
set -eu
cd "$(dirname "$0")/.."
# program or folder:package, as the tests use them besides what the product needs.
AGENTMETAL_SETUP_ALSO='named:bind9 nsupdate:bind9-dnsutils pebble:pebble knotd:knot pdns_server:pdns-server /usr/share/pdns-backend-sqlite3/schema:pdns-backend-sqlite3 ip:iproute2 curl:curl sslscan:sslscan testssl:testssl.sh keepalived:keepalived nft:nftables bird:bird2 systemd-nspawn:systemd-container mmdebstrap:mmdebstrap ssh-keygen:openssh-client tcpdump:tcpdump libvirtd:libvirt-daemon-system virsh:libvirt-clients qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils genisoimage:genisoimage' sh scripts/setup.sh
set -- sh scripts/with-node.sh node scripts/run-tests.mjs "$@"
# Images of test machines come from the Debian mirror, which the tests' own networks do not reach; what needs them waits.
if [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null 2>&1; then
  nice sh scripts/with-node.sh node test/support/machines/prepare.ts &
fi
exec "$@"
