/** A floating address as far as its nodes go. */
export interface HomedAddress {
  /** The machine that should have it; null before one was chosen. */
  home: string | null;
  /** The machine that has it; undefined when nobody does, or it is not known. */
  holder?: string | undefined;
}

/**
 * Chooses the machine that should have each address, when all are well: whoever has been chosen stays, for each move costs
 * something; then whoever has it anyway; and no machine gets a second one before each has one.
 * @param machines in their order; empty leaves addresses without a home.
 */
export function chooseHomes(
  addresses: readonly HomedAddress[],
  machines: readonly string[],
): (string | null)[] {
  const most = Math.ceil(addresses.length / Math.max(1, machines.length));
  const homes: (string | null)[] = addresses.map(() => null);
  const count = (machine: string) => homes.filter((home) => home === machine).length;
  const take = (index: number, machine: string | null | undefined) => {
    if (homes[index] === null && machine && machines.includes(machine) && count(machine) < most)
      homes[index] = machine;
  };
  addresses.forEach(({ home }, index) => take(index, home));
  addresses.forEach(({ holder }, index) => take(index, holder));
  for (const index of homes.keys()) {
    const [least] = machines.toSorted((left, right) => count(left) - count(right));
    take(index, least);
  }
  // With one machine for each address, none has two while another has none.
  for (const idle of machines.filter((machine) => count(machine) === 0)) {
    const from = homes.findLastIndex((home) => home !== null && count(home) > 1);
    if (from >= 0) homes[from] = idle;
  }
  return homes;
}

/**
 * The order in which machines take an address: its home first. Half of the addresses go one way round and half the other, so that
 * when two neighbours are gone their addresses do not go to the same machine.
 * @param slot the place of the address among those of the load balancer.
 */
export function takingOrder(home: string | null, slot: number, machines: readonly string[]): string[] {
  const start = Math.max(0, machines.indexOf(home ?? ''));
  const step = slot % 2 === 0 ? 1 : -1;
  const count = machines.length;
  return machines.map((_, turn) => machines[(((start + step * turn) % count) + count) % count] ?? '');
}
