import type { Nic } from '../../network/links.ts';

/** A network card as the guest sees it. */
export type GuestNic = Pick<Nic, 'name' | 'address' | 'routes'> & { mac: string };

/** Files of systemd-networkd, by their names: which card is which, and what addresses and routes it has. */
export function networkFiles(nics: readonly GuestNic[]): Map<string, string> {
  return new Map(
    nics.flatMap((nic): [string, string][] => [
      // Before whatever the image brings for any card.
      [
        `05-agentmetal-${nic.name}.link`,
        section('Match', { MACAddress: nic.mac }) + section('Link', { Name: nic.name }),
      ],
      [`05-agentmetal-${nic.name}.network`, networkFile(nic)],
    ]),
  );
}

function networkFile({ mac, address, routes }: GuestNic): string {
  return [
    section('Match', { MACAddress: mac }),
    section('Link', { RequiredForOnline: 'no' }),
    section('Network', {
      DHCP: 'no',
      IPv6AcceptRA: 'no',
      LinkLocalAddressing: 'ipv6',
      ConfigureWithoutCarrier: 'yes',
      // Floating addresses are not its own to take away.
      KeepConfiguration: 'static',
    }),
    section('Address', {
      Address: address,
      // Nobody else can have it here, so that it is of use at once.
      ...(address.includes(':') ? { DuplicateAddressDetection: 'none' } : {}),
    }),
    ...routes.map(({ to, via }) =>
      section('Route', {
        Destination: to,
        ...(via === undefined ? { Scope: 'link' } : { Gateway: via, GatewayOnLink: 'yes' }),
      }),
    ),
  ].join('');
}

function section(name: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([key, value]) => `${key}=${oneLine(value)}\n`);
  return `[${name}]\n${lines.join('')}\n`;
}

/** What would be a line of its own is none. */
function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ');
}
