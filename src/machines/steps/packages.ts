import type { Step } from './script.ts';

/** What an agent drives, and what it needs to do so. */
const PACKAGES = 'haproxy certbot keepalived bird2 nftables openssl python3 ca-certificates';
/** The distribution starts these of itself; the agent runs its own. */
const SERVICES = 'haproxy.service keepalived.service bird.service certbot.timer';
/** How long the machine's own updates may hold the package database. */
const LOCK_SECONDS = 180;

/**
 * What the agent writes for HAProxy is understood from 2.6 on: Debian 12 has that, Ubuntu 24.04 has 2.8, Ubuntu 22.04 has 2.4.
 * Prints the version.
 */
export const OLDEST_HAPROXY = `haproxy_version=$(haproxy -v | sed -n 's/^HA-*Proxy version \\([^ ]*\\).*/\\1/p')
case $haproxy_version in
  1.* | 2.[0-5] | 2.[0-5][.-]*) fault machine_haproxy_too_old "HAProxy $haproxy_version is installed" ;;
esac
printf 'haproxy=%s\\n' "$haproxy_version"`;

/**
 * Installs the packages from the distribution, and keeps its services from running. What there was before is written
 * down for {@link release}. Names of masked units are given before the packages come, so nothing ever starts.
 */
export const packages: Step = {
  name: 'packages',
  body: `
mkdir -p "$etc/before" "$logs"
log=$logs/packages.log
: >"$log"
installed() { dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' | sed -n 's/^ii  *//p' | sort -u; }
missing() {
  # Asked once: on a slow machine each time takes a second.
  there=" $(installed | tr '\\n' ' ')"
  for name in ${PACKAGES}; do case $there in *" $name "*) ;; *) printf ' %s' "$name" ;; esac; done
}
apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y -o DPkg::Lock::Timeout=${LOCK_SECONDS} \\
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \\
    -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \\
    -o APT::Keep-Downloaded-Packages=false --no-install-recommends "$@" >>"$log" 2>&1
}
why() {
  words=$(sed -n 's/^\\(E\\|dpkg: error\\): *//p' "$log" | tail -n 3 | tr '\\n' ' ')
  case $(cat "$log") in
    *'No space left on device'*) fault machine_disk_full "$words" ;;
    *'Could not get lock'* | *'Unable to acquire the dpkg frontend lock'*) fault machine_busy "$words" ;;
    *'Failed to fetch'* | *'Unable to fetch'* | *'Could not resolve'* | *'Could not connect'*) fault machine_packages_unreachable "$words" ;;
    *'Unable to locate package'*) fault machine_packages_failed "$words (on Ubuntu they are in universe: add-apt-repository universe)" ;;
    *) fault machine_packages_failed "$words (see $log)" ;;
  esac
}
refresh() {
  tries=0
  # The lock of the lists is not among those that apt waits for.
  until apt update || ! tail -n 3 "$log" | grep -q 'Could not get lock /var/lib/apt/lists'; do
    tries=$((tries + 2))
    [ $tries -lt ${LOCK_SECONDS} ] || why
    sleep 2
  done
}
[ -e "$etc/before/packages" ] || installed | replace "$etc/before/packages"
for service in ${SERVICES}; do
  if [ ! -e "$etc/before/$service" ]; then
    { systemctl is-enabled "$service" 2>/dev/null || :; } | replace "$etc/before/$service"
  fi
done
systemctl stop ${SERVICES} 2>/dev/null || :
# All at once where that goes, because systemd reads everything again after each.
systemctl mask --quiet ${SERVICES} 2>>"$log" || for service in ${SERVICES}; do
  systemctl mask --quiet "$service" 2>>"$log" || systemctl disable --quiet "$service" 2>>"$log" || :
done
if [ -n "$(dpkg --audit)" ] || [ -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)" ]; then
  DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold >>"$log" 2>&1 || :
  apt -f install || why
fi
if [ -n "$(missing)" ]; then
  refresh
  apt install $(missing) || why
fi
[ -z "$(missing)" ] || fault machine_packages_failed "not installed:$(missing)"
installed | comm -13 "$etc/before/packages" - | replace "$etc/packages"
${OLDEST_HAPROXY}`,
};
