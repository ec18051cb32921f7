import { z } from 'zod';
import { Labels, ResourceName } from './name.ts';
import { IpText } from './network-text.ts';

/** A host key as OpenSSH shows it: the SHA-256 of the public key in base64 without padding. */
export const HostKey = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint such as SHA256: and 43 characters')
  .describe('Fingerprint of the host key that the machine must show, as `ssh-keygen -l` prints it.')
  .meta({ examples: ['SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpKZIDTMczCvj3tD2s'] });

const MAX_KEY_LENGTH = 16_384;

export const PrivateKey = z
  .string()
  .max(MAX_KEY_LENGTH)
  .regex(
    /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----\r?\n[\s\S]+-----END [A-Z0-9 ]*PRIVATE KEY-----\s*$/,
    'must be a private key in the format of OpenSSH or PEM',
  )
  .describe('The private key to log in with, without a passphrase. It is kept encrypted and never answered.');

const UserName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a user name such as root or debian')
  .describe('Who to log in as: root, or a user who may use sudo without a password. Default: root.');

const Port = z.int().min(1).max(65_535).describe('Port of its SSH server. Default: 22.');

const COMMON = {
  name: ResourceName.optional().describe('Name, unique among machines. Default: made of the address.'),
  labels: Labels.default({}),
  vpc: ResourceName.default('default').describe('The VPC whose load balancers it serves. Default: default.'),
  publicAddress: IpText.nullable()
    .default(null)
    .describe('The address on which clients reach it; null where it has none beside its own. Default: null.'),
};

export const SshMachineInput = z
  .strictObject({
    driver: z.literal('ssh').describe('The control plane logs in over SSH and makes it ready.'),
    address: IpText.describe('Its address in the VPC, on which the control plane logs in.'),
    port: Port.default(22),
    user: UserName.default('root'),
    privateKey: PrivateKey,
    hostKey: HostKey,
    ...COMMON,
  })
  .describe('A machine that the control plane logs in to.');

export const ManualMachineInput = z
  .strictObject({
    driver: z.literal('manual').describe('Somebody types a line there, which makes it ready.'),
    address: IpText.nullable()
      .default(null)
      .describe('Its address in the VPC. Default: the one of its own that lies in the VPC.'),
    ...COMMON,
  })
  .describe('A machine that the control plane cannot log in to.');

export const MachineInput = z
  .discriminatedUnion('driver', [SshMachineInput, ManualMachineInput])
  .describe('A machine to take in.');
export type MachineInput = z.output<typeof MachineInput>;

export const MachinePatch = z
  .strictObject({
    labels: Labels.optional().describe('The labels; all of them.'),
    publicAddress: IpText.nullable().optional().describe('The address on which clients reach it.'),
    draining: z
      .boolean()
      .optional()
      .describe(
        'true: its load balancer moves to another machine and none comes. false: it may be used again.',
      ),
  })
  .describe('What to change of a machine; what is not named stays.');
export type MachinePatch = z.output<typeof MachinePatch>;

export const MachineRetry = z
  .strictObject({
    privateKey: PrivateKey.optional().describe('Another private key to log in with from now on.'),
    hostKey: HostKey.optional().describe('The host key that the machine has now.'),
  })
  .describe('What to do otherwise than the last time.');
export type MachineRetry = z.output<typeof MachineRetry>;

export const HostKeyQuestion = z
  .strictObject({ address: IpText.describe('The machine’s address.'), port: Port.default(22) })
  .describe('Whose host key to look at.');
export type HostKeyQuestion = z.output<typeof HostKeyQuestion>;

/** How far a machine is, as it is kept: what else its state says follows from its agent's reports. */
export type MachinePhase = 'provisioning' | 'ready' | 'failed' | 'removing';

export const MachineStep = z
  .strictObject({
    name: z.string().describe('What is done.'),
    state: z.enum(['waiting', 'running', 'done', 'failed']),
    detail: z.string().describe('What came of it; empty where there is nothing to say.'),
    at: z.iso.datetime().nullable().describe('When it began; null while it waits.'),
    ms: z.int().min(0).nullable().describe('How long it took, in milliseconds; null until it has ended.'),
  })
  .describe('One step on the way to a ready machine.');
export type MachineStep = z.infer<typeof MachineStep>;

export const MachineFault = z
  .strictObject({
    code: z.string().describe('Stable word to match on.'),
    detail: z.string().describe('What went wrong, in words.'),
    hint: z.string().nullable().describe('What mends it, often a command; null where nothing is known.'),
    retryAt: z.iso.datetime().nullable().describe('When it is tried again by itself; null when it is not.'),
  })
  .describe('Why a machine is not ready.');
export type MachineFault = z.infer<typeof MachineFault>;
