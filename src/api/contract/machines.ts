import { z } from 'zod';
import { HostKeyQuestion, MachineInput, MachinePatch, MachineRetry } from '../../spec/machine.ts';
import { AgentRollout, HostKeyAnswer, Machine, NewMachine } from '../machines.ts';
import { ResourceDryRun } from '../resources.ts';
import { DryRunQuery, SelectQuery, Switch, listResponse, nameOrId, orDryRun } from './parts.ts';
import { defineRoutes } from './route.ts';

const params = z.strictObject({ machine: nameOrId });
const dryRun = { description: 'With `?dryRun=true`: what would happen.', schema: ResourceDryRun };
const EXAMPLES = {
  ssh: {
    driver: 'ssh',
    name: 'lb-1',
    address: '10.0.0.5',
    user: 'root',
    privateKey:
      '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
    hostKey: 'SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpKZIDTMczCvj3tD2s',
    vpc: 'prod',
    publicAddress: '203.0.113.10',
  },
  manual: { driver: 'manual', name: 'lb-2', vpc: 'prod' },
};

export const machineRoutes = defineRoutes({
  listMachines: {
    method: 'GET',
    path: '/v1/machines',
    tag: 'Machines',
    summary: 'List machines',
    description: 'The hosts that can be nodes of load balancers.',
    role: 'viewer',
    query: SelectQuery,
    responses: listResponse(Machine),
  },
  addMachine: {
    method: 'POST',
    path: '/v1/machines',
    tag: 'Machines',
    summary: 'Add a machine',
    description:
      'It is taken in at once and made ready in the background: its `steps` say how far that is. From then on load balancers of its VPC may have it.',
    role: 'admin',
    query: DryRunQuery,
    headers: ['Idempotency-Key'],
    body: { schema: MachineInput, examples: EXAMPLES },
    responses: {
      200: dryRun,
      201: {
        description: 'It is being made ready.',
        schema: NewMachine,
        headers: { Location: 'Path of the new machine.' },
      },
    },
  },
  lookAtHostKey: {
    method: 'POST',
    path: '/v1/machines/host-key',
    tag: 'Machines',
    summary: 'Look at the host key of a machine',
    description:
      'What the SSH server at an address shows, as seen from the control plane, so that somebody can compare it before a machine is added.',
    role: 'admin',
    body: { schema: HostKeyQuestion },
    problems: [503],
    responses: { 200: { description: 'The host key.', schema: HostKeyAnswer } },
  },
  getAgentRollout: {
    method: 'GET',
    path: '/v1/machines/agent-rollout',
    tag: 'Machines',
    summary: 'Show how far the version of the agent has come',
    description:
      'Agents get the version of the control plane one after another; HAProxy serves on meanwhile.',
    role: 'viewer',
    responses: { 200: { description: 'How far it is.', schema: AgentRollout } },
  },
  setAgentRollout: {
    method: 'PUT',
    path: '/v1/machines/agent-rollout',
    tag: 'Machines',
    summary: 'Pause the upgrades of agents, or go on with them',
    description:
      'Going on asks for the upgrade of every agent that has another version, and forgets that one has failed.',
    role: 'operator',
    body: { schema: z.strictObject({ paused: z.boolean().describe('true: no further one is begun.') }) },
    responses: { 200: { description: 'How far it is.', schema: AgentRollout } },
  },
  upgradeMachine: {
    method: 'POST',
    path: '/v1/machines/{machine}/upgrade',
    tag: 'Machines',
    summary: 'Upgrade the agent of a machine',
    description: 'As the next one, though others are paused or one has failed. HAProxy serves on meanwhile.',
    role: 'operator',
    params,
    responses: { 200: { description: 'The machine.', schema: Machine } },
  },
  getMachine: {
    method: 'GET',
    path: '/v1/machines/{machine}',
    tag: 'Machines',
    summary: 'Show a machine',
    description: 'With what its agent last said, and how far it is made ready.',
    role: 'viewer',
    params,
    responses: { 200: { description: 'The machine.', schema: Machine } },
  },
  updateMachine: {
    method: 'PATCH',
    path: '/v1/machines/{machine}',
    tag: 'Machines',
    summary: 'Change a machine',
    description:
      'With `draining` the load balancer on it moves to another free machine of the VPC, and only when that serves is this one given up.',
    role: 'operator',
    params,
    query: DryRunQuery,
    body: { schema: MachinePatch },
    responses: {
      200: { description: 'The machine after the change.', schema: orDryRun(Machine, ResourceDryRun) },
    },
  },
  retryMachine: {
    method: 'POST',
    path: '/v1/machines/{machine}/retry',
    tag: 'Machines',
    summary: 'Make a machine ready again',
    description:
      'All steps are gone through again; what is in order already stays as it is. A token from before is worth nothing any more.',
    role: 'admin',
    params,
    query: DryRunQuery,
    headers: ['Idempotency-Key'],
    body: { schema: MachineRetry },
    responses: {
      200: { description: 'It is being made ready.', schema: orDryRun(NewMachine, ResourceDryRun) },
    },
  },
  removeMachine: {
    method: 'DELETE',
    path: '/v1/machines/{machine}',
    tag: 'Machines',
    summary: 'Remove a machine',
    description:
      'Its credential is worth nothing from then on, and what was put there is taken off. Refused while a load balancer is on it.',
    role: 'admin',
    params,
    query: DryRunQuery.extend({
      force: Switch.describe(
        '`true`: also while a load balancer is on it, and without logging in: whatever is there stays there. Default: false.',
      ),
    }),
    responses: {
      200: dryRun,
      202: { description: 'What was put there is being taken off.', schema: Machine },
      204: { description: 'It is gone.' },
    },
  },
});
