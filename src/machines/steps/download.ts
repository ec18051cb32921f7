import type { Step } from './script.ts';

/**
 * Fetches the agent on a machine that nobody logs in to. Values: `url`, `pin`, `token`; the control plane is known by its
 * key alone, and the token goes by a pipe. It sets what {@link agent} is told otherwise.
 */
export const download: Step = {
  name: 'download',
  body: `
have curl || fault machine_packages_failed 'there is no curl'
rm -rf /var/tmp/agentmetal.*
archive=$(mktemp -d /var/tmp/agentmetal.XXXXXX)/agent.tar.gz
printf 'header = "Authorization: Bearer %s"\\n' "$token" |
  curl -fsSk --retry 3 --max-time 600 --pinnedpubkey "$pin" -K - -o "$archive" "$url/v1/agent/bundle" ||
  fault machine_copy_failed "the agent could not be fetched from $url"
version=$(tar -xzOf "$archive" --occurrence=1 ./VERSION)
case $version in '' | *[!0-9A-Za-z.-]*) fault machine_copy_failed 'what was fetched is no agent' ;; esac
sha256=$(sha256sum "$archive" | cut -d' ' -f1)`,
};
