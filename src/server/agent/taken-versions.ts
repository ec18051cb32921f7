/**
 * How far each machine has come: an agent asks for what changed after a version only when it has done all up to it,
 * deletions included. Kept in memory, because an agent asks again within seconds of a restart.
 */
export interface TakenVersions {
  record(machineId: string, version: number): void;
  of(machineId: string): number;
}

export function createTakenVersions(): TakenVersions {
  const versions = new Map<string, number>();
  return {
    record: (machineId, version) => void versions.set(machineId, version),
    of: (machineId) => versions.get(machineId) ?? 0,
  };
}
