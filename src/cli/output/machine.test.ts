import { expect, test } from 'vitest';
import type { LostNode, Machine } from '../../api/machines.ts';
import { renderMachine } from './machine.ts';

const MACHINE: Machine = {
  id: 'machine_1',
  name: 'lb-1',
  labels: {},
  driver: 'ssh',
  vpc: 'prod',
  address: '10.0.0.5',
  publicAddress: null,
  ssh: null,
  state: 'offline',
  fault: null,
  steps: [],
  loadBalancer: null,
  os: null,
  agentVersion: null,
  haproxyVersion: null,
  lastReportAt: null,
  createdAt: '2026-11-23T04:00:00.000Z',
};
const show = (lost: Partial<LostNode>) =>
  renderMachine(
    {
      ...MACHINE,
      lost: {
        loadBalancer: 'web-lb',
        state: 'held',
        reason: 'silent for 6 minutes',
        replacedBy: null,
        since: MACHINE.createdAt,
        ...lost,
      },
    },
    { style: (_, text) => text, now: 0 },
  );

test('what becomes of a machine that is silent', () => {
  expect(show({})).toContain('it keeps its place in web-lb: silent for 6 minutes');
  expect(show({ state: 'lost' })).toContain(
    'another machine takes its place in web-lb, because it was silent',
  );
  expect(show({ state: 'replaced', replacedBy: 'lb-3' })).toContain('lb-3 has taken its place in web-lb');
});
