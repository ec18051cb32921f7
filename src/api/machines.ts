import { z } from 'zod';
import { HostKey, MachineFault, MachineStep } from '../spec/machine.ts';
import { Labels } from '../spec/name.ts';
import { CertificateAuthority } from './certificates.ts';

export const MachineState = z
  .enum(['provisioning', 'online', 'offline', 'failed', 'draining', 'releasing', 'removing'])
  .describe(
    '`provisioning`: it is made ready. `online`: its agent has reported lately. `offline`: it has not. `failed`: it could not be made ready. `draining`: nothing new comes to it. `releasing`: its agent takes off what it served last, and after that it is free. `removing`: what was put there is taken off, or it is ended where the control plane has made it.',
  );
export type MachineState = z.infer<typeof MachineState>;

export const LostNode = z
  .strictObject({
    loadBalancer: z.string().describe('The load balancer that it is, or was, a node of.'),
    state: z
      .enum(['held', 'lost', 'replaced'])
      .describe(
        '`held`: it keeps its place. `lost`: another machine takes its place. `replaced`: another one has; should this one come back, its agent is told to give the load balancer up.',
      ),
    reason: z.string().describe('Why it keeps its place, or why it is taken for lost.'),
    replacedBy: z.string().nullable().describe('The machine that takes its place; null while there is none.'),
    since: z.iso.datetime().describe('Since when it stands so.'),
  })
  .describe('How it stands with a node whose agent has been silent for long.');
export type LostNode = z.infer<typeof LostNode>;

export const Machine = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    labels: Labels,
    driver: z
      .enum(['local', 'ssh', 'manual', 'container', 'libvirt'])
      .describe(
        '`local`: the control plane’s host. `ssh`: the control plane logs in. `manual`: somebody typed a line there. `container`: the driver of its VPC made it on the control plane’s host. `libvirt`: it did so as a virtual machine.',
      ),
    vpc: z.string().nullable().describe('The VPC whose load balancers it serves; null for the local one.'),
    address: z.string().nullable().describe('Its address in the VPC; null while that is not known.'),
    publicAddress: z
      .string()
      .nullable()
      .describe('The address on which clients reach it; null where it has none beside its own.'),
    ssh: z
      .strictObject({ port: z.int(), user: z.string(), hostKey: HostKey })
      .nullable()
      .describe('How it is logged in to; null where nobody logs in. The private key is never answered.'),
    state: MachineState,
    fault: MachineFault.nullable().describe('What went wrong last; null when nothing did.'),
    steps: z.array(MachineStep).describe('How far it is made ready.'),
    loadBalancer: z
      .string()
      .nullable()
      .describe(
        'The load balancer that has it for itself; null where it is free, or shared like the local one.',
      ),
    os: z.string().nullable().describe('Its operating system; null before its agent has reported.'),
    agentVersion: z
      .string()
      .nullable()
      .describe('With what tells its build from others, where it can be upgraded.'),
    upgrade: z
      .strictObject({
        version: z.string().describe('The version that its agent is to have.'),
        state: z.enum(['asked', 'running', 'failed']),
        reason: z.string().nullable().describe('Why it failed; null while it has not.'),
      })
      .optional()
      .describe('Absent while its agent has what it should have.'),
    haproxyVersion: z.string().nullable().describe('null when HAProxy is missing there.'),
    lastReportAt: z.iso.datetime().nullable(),
    authority: CertificateAuthority.optional().describe(
      'The CA that its agent orders certificates from; absent until it has told.',
    ),
    lost: LostNode.optional().describe('Absent while it reports.'),
    createdAt: z.iso.datetime(),
  })
  .describe('A host that can be a node of load balancers.');
export type Machine = z.infer<typeof Machine>;

export const AgentRollout = z
  .strictObject({
    version: z.string().describe('The version of the agent that machines should have.'),
    state: z
      .enum(['done', 'running', 'waiting', 'paused', 'stopped', 'manual'])
      .describe(
        '`done`: all have it. `running`: one is upgraded. `waiting`: the next is not ready for it. `paused`: somebody has said so. `stopped`: one failed. `manual`: agents are upgraded when asked.',
      ),
    reason: z.string().describe('Why none is upgraded now; empty where one is, or all have it.'),
  })
  .describe('How far the version of the agent has come.');
export type AgentRollout = z.infer<typeof AgentRollout>;

export const NewMachine = Machine.extend({
  enrolment: z
    .strictObject({
      command: z.string().describe('The line to type on the machine as a user who may use sudo.'),
      expiresAt: z.iso.datetime().describe('Until when the line is good for something.'),
    })
    .optional()
    .describe('manual: how the machine comes in. It is shown once, here.'),
}).describe('A machine, with the line that brings it in where it has none to log in to.');
export type NewMachine = z.infer<typeof NewMachine>;

export const HostKeyAnswer = z
  .strictObject({ hostKey: HostKey })
  .describe('The host key that a machine shows. Compare it with what the machine itself says.');
export type HostKeyAnswer = z.infer<typeof HostKeyAnswer>;

export const EnrolInput = z
  .strictObject({
    token: z.string().min(1).max(256).describe('The token that was made for the machine.'),
    credentialHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal')
      .describe(
        'SHA-256 of the credential that the agent has made for itself. The credential itself stays there.',
      ),
  })
  .describe('An agent that asks to be taken in.');
export type EnrolInput = z.infer<typeof EnrolInput>;

export const Enrolled = z
  .strictObject({
    machine: z.string().describe('Name of the machine.'),
    controlPlaneId: z.string().describe('Which control plane it belongs to from now on.'),
  })
  .describe('What an agent is told when it has been taken in.');
export type Enrolled = z.infer<typeof Enrolled>;
