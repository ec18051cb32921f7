import { DEFAULT_VIRTUAL_MACHINE } from '../../../spec/vpc-driver.ts';
import { parseNameServer } from '../../../spec/vpc.ts';
import {
  type MachineHost,
  findMachineHost,
  listMachineHosts,
  updateMachineHost,
} from '../../../store/machine-hosts.ts';
import { type MachineRecord, findMachine } from '../../../store/machines.ts';
import type { Tx } from '../../../store/open.ts';
import { type VpcRecord, findVpc, listVpcs } from '../../../store/vpcs.ts';
import { chooseAddresses } from './addresses.ts';
import type { MadeOrder } from './maker.ts';
import { machineNetwork } from './network.ts';

const DNS_PORT = 53;
const ALL_VPCS = 10_000;

/** What is to be made of a machine; undefined for one that nobody makes, or that has no addresses yet. */
export async function madeOrder(tx: Tx, host: MachineHost): Promise<MadeOrder | undefined> {
  const machine = await findMachine(tx, host.machineId);
  const vpc = await findVpc(tx, host.vpcId);
  return machine && vpc && orderOf(machine, host, vpc);
}

/** Gives a machine its addresses when it has none yet. @throws AppError `machine_addresses_exhausted` */
export async function addressMachine(tx: Tx, machineId: string): Promise<void> {
  const host = await findMachineHost(tx, machineId);
  const vpc = host && (await findVpc(tx, host.vpcId));
  if (!host || host.address !== null || !vpc?.spec.driver) return;
  const surroundings = { hosts: await listMachineHosts(tx), vpcs: await listVpcs(tx, '', ALL_VPCS) };
  await updateMachineHost(tx, { ...host, ...chooseAddresses(vpc, vpc.spec.driver, surroundings) });
}

function orderOf({ id, name }: MachineRecord, host: MachineHost, vpc: VpcRecord): MadeOrder | undefined {
  const { made, address, publicAddress } = host;
  const { driver, nameServers } = vpc.spec;
  if (!made || !driver || address === null) return undefined;
  const asked = nameServers.map(parseNameServer);
  return {
    id,
    name,
    type: driver.type,
    release: made.release,
    virtualMachine: driver.virtualMachine ?? DEFAULT_VIRTUAL_MACHINE,
    vpc: vpc.name,
    network: machineNetwork(vpc, driver, { address, publicAddress }),
    // A system's own programs can ask at no other port; the agent can.
    nameServers: asked.flatMap((server) => (server?.port === DNS_PORT ? [server.address] : [])),
  };
}
