import { stringify } from 'yaml';
import { IDENTITY_LABEL, IDENTITY_SCRIPT } from './identity.ts';

/** What the console of a template says when it can be saved. */
export const READY_LINE = 'agentmetal: template ready';

const FOLDER = '/usr/local/lib/agentmetal';

/** Runs beside the boot, whose end it waits for. What machines need in their first second is loaded already. */
const READY_SCRIPT = `#!/bin/sh
systemctl is-system-running --wait
modprobe virtio_net
modprobe isofs
udevadm settle
sync
echo '${READY_LINE}' >/dev/ttyS0
`;

const UNIT = `[Unit]
Description=Takes over what this machine is told to be

[Service]
Type=oneshot
ExecStart=${FOLDER}/identity
`;

const RULE = `SUBSYSTEM=="block", ENV{ID_FS_LABEL}=="${IDENTITY_LABEL}", TAG+="systemd", ENV{SYSTEMD_WANTS}+="agentmetal-identity.service"\n`;

/** The hardware clock is the host's. Without a way out there is no other to go by. */
const CLOCK_SCRIPT = `#!/bin/sh
set -eu
host=$(cat /sys/class/rtc/rtc0/since_epoch)
off=$((host - $(date +%s)))
if [ "\${off#-}" -gt 1 ]; then date -u -s "@$host" >/dev/null; fi
`;

const CLOCK_UNIT = `[Unit]
Description=Takes over the time of the host

[Service]
Type=oneshot
ExecStart=${FOLDER}/clock
`;

const CLOCK_TIMER = `[Unit]
Description=Takes over the time of the host again and again

[Timer]
OnActiveSec=10min
OnUnitActiveSec=10min

[Install]
WantedBy=timers.target
`;

/** Addresses and routes that others have set, as keepalived's, are not networkd's to take away. */
const NETWORKD = `[Network]
ManageForeignRoutes=no
ManageForeignRoutingPolicyRules=no
`;

/** Services that would wait for what comes later, or make keys that machines have from elsewhere. */
const MASKED = [
  'sshd-keygen.service',
  'systemd-networkd-wait-online.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
];

/**
 * What cloud-init makes of an image: a template, which any number of machines begin from. After that it is off, because what
 * a machine is comes from the disk that {@link IDENTITY_SCRIPT} reads.
 */
export function templateFiles(id: string): Map<string, string> {
  return new Map([
    ['meta-data', stringify({ 'instance-id': id, 'local-hostname': 'template' })],
    ['network-config', stringify({ version: 2, ethernets: {} })],
    ['user-data', `#cloud-config\n${stringify(userData(), { lineWidth: 0 })}`],
  ]);
}

function userData(): object {
  return {
    users: [],
    disable_root: false,
    ssh_pwauth: false,
    ssh_genkeytypes: ['ed25519'],
    locale: false,
    preserve_hostname: true,
    apt: { preserve_sources_list: true },
    write_files: [
      file(`${FOLDER}/identity`, IDENTITY_SCRIPT, '0755'),
      file(`${FOLDER}/template-ready`, READY_SCRIPT, '0755'),
      file('/etc/systemd/system/agentmetal-identity.service', UNIT),
      file(`${FOLDER}/clock`, CLOCK_SCRIPT, '0755'),
      file('/etc/systemd/system/agentmetal-clock.service', CLOCK_UNIT),
      file('/etc/systemd/system/agentmetal-clock.timer', CLOCK_TIMER),
      file('/etc/udev/rules.d/90-agentmetal-identity.rules', RULE),
      file('/etc/systemd/networkd.conf.d/agentmetal.conf', NETWORKD),
      file('/etc/ssh/sshd_config.d/agentmetal.conf', 'HostKey /etc/ssh/ssh_host_ed25519_key\n'),
    ],
    runcmd: [
      ['touch', '/etc/cloud/cloud-init.disabled'],
      ['systemctl', 'mask', ...MASKED],
      ['systemctl', 'daemon-reload'],
      ['udevadm', 'control', '--reload'],
      ['systemctl', 'enable', '--now', 'systemd-networkd.service', 'agentmetal-clock.timer'],
      ['systemd-run', '--no-block', '--unit=agentmetal-template-ready', `${FOLDER}/template-ready`],
    ],
  };
}

function file(path: string, content: string, permissions = '0644'): object {
  return { path, content, permissions };
}
