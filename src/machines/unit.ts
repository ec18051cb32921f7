/**
 * The agent's systemd unit. HAProxy, keepalived and BIRD are children of the agent and outlive it: KillMode=process leaves
 * them alone, OOMPolicy=continue does not end the agent with them. What is closed off is what none of them needs:
 * HAProxy changes its root and user, binds low ports and asks for many files; keepalived sets addresses, sends ARP and
 * VRRP, and sets variables of the network in /proc/sys, which is why that stays open.
 */
export const AGENT_UNIT = `[Unit]
Description=AgentMetal load balancer agent
Documentation=file:///opt/agentmetal/current/docs/provisioning.md
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/opt/agentmetal/current/bin/agentmetal agent --enrol-file /etc/agentmetal/enrol-token --ca-file /etc/agentmetal/control-plane.pem --data-dir /var/lib/agentmetal-agent
EnvironmentFile=/etc/agentmetal/agent.env
EnvironmentFile=-/etc/agentmetal/local.env
Environment=XDG_CACHE_HOME=/var/cache
Restart=always
RestartSec=1
KillMode=process
OOMPolicy=continue
LimitNOFILE=524288
TasksMax=infinity
UMask=0077
StateDirectory=agentmetal-agent
StateDirectoryMode=0700
CacheDirectory=agentmetal
CacheDirectoryMode=0700

ProtectSystem=strict
ReadWritePaths=/etc/agentmetal /tmp
ProtectHome=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
NoNewPrivileges=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
SystemCallArchitectures=native
SystemCallFilter=@system-service chroot
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_KILL CAP_SETGID CAP_SETUID CAP_SYS_CHROOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_IPC_LOCK CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_RAW

[Install]
WantedBy=multi-user.target
`;
