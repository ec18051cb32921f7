import type { Machine } from '../../api/machines.ts';
import type { MachineStep } from '../../spec/machine.ts';
import { formatTime } from './age.ts';
import { type Section, renderSections } from './sections.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

/** A machine for people. */
export function renderMachine(machine: Machine, { style, now }: { style: Style; now: number }): string {
  const { driver, ssh, vpc, steps } = machine;
  const labels = Object.entries(machine.labels).map(([key, value]) => `${key}=${value}`);
  const sections: Section[] = [
    {
      rows: [
        ['ID', machine.id],
        ['Name', machine.name],
        ['Driver', driver],
        ['State', { text: machine.state, paint: (text) => paintState(style, text) }],
        ['Fault', faultText(machine, now)],
        ['VPC', vpc ?? ''],
        ['Address', machine.address ?? (vpc === null ? '' : 'not known yet')],
        ['Public address', machine.publicAddress ?? ''],
        ['SSH', ssh ? `${ssh.user}, port ${ssh.port}, ${ssh.hostKey}` : ''],
        ['Load balancer', machine.loadBalancer ?? (driver === 'local' ? '' : 'none')],
        ['Lost', lostText(machine)],
        ['Labels', labels.join(', ')],
        ['System', machine.os ?? ''],
        ['HAProxy', machine.haproxyVersion ?? missingText(machine)],
        ['Agent', machine.agentVersion ?? ''],
        ['Upgrade', upgradeText(machine)],
        ['Last report', machine.lastReportAt === null ? 'never' : formatTime(machine.lastReportAt, now)],
        ['Created', formatTime(machine.createdAt, now)],
      ],
    },
  ];
  if (steps.length > 0) sections.push({ title: 'Steps', table: renderSteps(steps) });
  return renderSections(sections);
}

function renderSteps(steps: readonly MachineStep[]): string {
  return renderTable(
    [
      { heading: 'STEP', cell: ({ name }) => name },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'TOOK', cell: ({ ms }) => (ms === null ? '' : durationText(ms)) },
      { heading: 'DETAIL', cell: ({ detail }) => detail },
    ],
    steps,
    { header: true },
  );
}

/** `0.4 s`, `12 s`. */
export function durationText(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function upgradeText({ upgrade, name }: Machine): string {
  if (!upgrade) return '';
  const { version, state, reason } = upgrade;
  if (state === 'asked') return `to ${version}, when it is its turn`;
  if (state === 'running') return `to ${version}, just now`;
  return `to ${version} failed: ${reason ?? 'no reason was given'}. Again: agentmetal machine upgrade ${name}`;
}

/** What becomes of a node that is silent. */
function lostText({ lost }: Machine): string {
  if (!lost) return '';
  const { loadBalancer, replacedBy, reason } = lost;
  if (lost.state === 'held') return `it keeps its place in ${loadBalancer}: ${reason}`;
  const by = replacedBy ?? 'another machine';
  return lost.state === 'lost'
    ? `${by} takes its place in ${loadBalancer}, because it was ${reason}`
    : `${by} has taken its place in ${loadBalancer}, because it was ${reason}`;
}

function faultText({ fault }: Machine, now: number): string {
  if (!fault) return '';
  const again = fault.retryAt === null ? '' : ` It is tried again at ${formatTime(fault.retryAt, now)}.`;
  return `${fault.detail}.${fault.hint === null ? '' : ` ${fault.hint}`}${again}`;
}

/** Whether it is missing is known when the agent has told. */
function missingText({ lastReportAt }: Machine): string {
  return lastReportAt === null ? '' : 'missing: install it, then look again';
}
