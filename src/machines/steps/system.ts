import type { Step } from './script.ts';

/** What the bundle, its archive and the packages take, with room to spare. */
const NEEDED_KB = 768 * 1024;

/** Looks whether the machine is one that can be provisioned. Values: `version`, `architecture` of the bundle. Prints facts. */
export const system: Step = {
  name: 'system',
  body: `
[ -r /etc/os-release ] || fault machine_os_unsupported 'it has no /etc/os-release'
os=$(. /etc/os-release; printf '%s %s' "\${ID:-unknown}" "\${VERSION_ID:-unknown}")
case $os in
  'debian 12' | 'debian 13' | 'ubuntu 24.'* | 'ubuntu 25.'* | 'ubuntu 26.'*) ;;
  *) fault machine_os_unsupported "it runs $os" ;;
esac
if ! [ -d /run/systemd/system ] || ! have systemctl; then
  fault machine_without_systemd 'systemd is not what started this machine'
fi
case $(uname -m) in x86_64) is=x64 ;; aarch64) is=arm64 ;; *) is=$(uname -m) ;; esac
[ "$is" = "$architecture" ] || fault machine_os_unsupported "its processor is $is, and the agent at hand is for $architecture"
if [ ! -e "$opt/$version/.complete" ]; then
  for folder in /opt /var /var/tmp; do
    mkdir -p "$folder"
    free=$(df -Pk "$folder" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge ${NEEDED_KB} ] || fault machine_disk_full "$folder has $((free / 1024)) MB free, and ${NEEDED_KB / 1024} MB are needed"
  done
fi
printf 'os=%s\\nclock=%s\\n' "$os" "$(date +%s)"`,
};
