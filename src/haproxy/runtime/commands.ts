import { isScriptCheck } from '../../spec/health-check.ts';
import type { LookupChange } from '../config/lookups.ts';
import { admissionBackend } from '../config/names.ts';
import { MOVED } from '../config/reuse.ts';
import {
  type Server,
  admissionServerKeywords,
  dynamicServerKeywords,
  healthCheckOf,
  socketAddress,
} from '../config/server.ts';
import type { ServiceModel } from '../model.ts';
import type { RuntimeConnection } from './connection.ts';

/** One runtime command with the answer that means it was done. */
export interface Command {
  text: string;
  expect: RegExp;
}

/** HAProxy answered something else than what means success. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

const SILENT = /^$/;
// 2.6 does not give a server added at run time the defaults of its connection pool: without these it reuses none.
const POOL_KEYWORDS = 'pool-purge-delay 5s pool-max-conn -1';

/** 0 would take the limit away too, but leave the requests that wait for it waiting: 2.6 wakes none of them then. */
export const NO_LIMIT = 2_000_000;

/** Adds a server that is down until its health is set or `rise` checks have passed; one without checks is up. */
export function addServer(server: Server, model: ServiceModel): Command[] {
  const path = pathOf(server);
  const keywords = `${dynamicServerKeywords(server, model)} weight 0 ${POOL_KEYWORDS}`;
  if (!server.isChecked) return [...bareCommands(path, server, keywords), setWeight(server)];
  // The agent checks it itself: HAProxy would refuse to.
  if (isScriptCheck(healthCheckOf(server, model)))
    return [...bareCommands(path, server, keywords), setHealth(server, 'down'), setWeight(server)];
  return [...addCommands(path, server, keywords), setWeight(server)];
}

/** Adds the server's twin to the admission section, which checks it at once. */
export function addToAdmission(server: Server, model: ServiceModel): Command[] {
  return addCommands(
    admissionPath(server),
    server,
    `${admissionServerKeywords(server, model)} ${POOL_KEYWORDS}`,
  );
}

function bareCommands(path: string, server: Server, keywords: string): Command[] {
  return [
    { text: `add server ${path} ${socketAddress(server)} ${keywords}`, expect: /^New server registered\.$/ },
    { text: `enable server ${path}`, expect: SILENT },
  ];
}

function addCommands(path: string, server: Server, keywords: string): Command[] {
  return [
    // Enabling makes a server UP, so it must carry no weight until its health has been taken away again.
    ...bareCommands(path, server, keywords),
    { text: `set server ${path} health down`, expect: SILENT },
    { text: `enable health ${path}`, expect: SILENT },
  ];
}

export function removeFromAdmission(server: Pick<Server, 'pool' | 'name'>): Command[] {
  return deleteCommands(admissionPath(server));
}

export function setHealth(server: Server, health: 'up' | 'down'): Command {
  return { text: `set server ${pathOf(server)} health ${health}`, expect: SILENT };
}

export function setWeight(server: Server): Command {
  return { text: `set server ${pathOf(server)} weight ${server.weight}`, expect: SILENT };
}

export function setMaxConnections(server: Server): Command {
  const limit = server.maxConnections === 0 ? NO_LIMIT : server.maxConnections;
  return { text: `set maxconn server ${pathOf(server)} ${limit}`, expect: SILENT };
}

/** Moves a server, and sees to it that no request goes over a connection to where it was. */
export function setAddress(server: Server): Command[] {
  const text = `set server ${pathOf(server)} addr ${server.address ?? ''} port ${server.port}`;
  return [
    { text, expect: /^(IP changed|port changed|no need to change|nothing changed)/i },
    ...setVariable(MOVED, 'uuid'),
  ];
}

/** No new requests go to the server; those that it has finish. */
export function startDrain(server: Server): Command {
  return { text: `set server ${pathOf(server)} state drain`, expect: SILENT };
}

/** The same, and clients that are bound to it go elsewhere; idle connections to it are closed. */
export function startMaintenance(server: Server): Command {
  return { text: `set server ${pathOf(server)} state maint`, expect: SILENT };
}

export function setReady(server: Server): Command {
  return { text: `set server ${pathOf(server)} state ready`, expect: SILENT };
}

/** Deletes a server that has no connections any more. */
export function deleteServer(server: Server): Command[] {
  return deleteCommands(pathOf(server));
}

function deleteCommands(path: string): Command[] {
  return [
    { text: `set server ${path} state maint`, expect: SILENT },
    { text: `del server ${path}`, expect: /^Server deleted\.$/ },
  ];
}

/** Changes one entry of a map or list, after the variable that stands for it: what was begun is seen by the map. */
export function changeLookup(change: LookupChange): Command[] {
  const { lookup, key } = change;
  const subject = lookup.kind === 'map' ? 'map' : 'acl';
  const entry = `${subject} ${escapeWord(lookup.path)} ${escapeWord(key)}`;
  if (change.kind === 'delete') return [{ text: `del ${entry}`, expect: SILENT }];
  const value = lookup.kind === 'map' ? ` ${escapeWord(change.value)}` : '';
  return [
    ...(lookup.variableOf ? setVariable(lookup.variableOf(key), `int(${change.value})`) : []),
    { text: `${change.kind} ${entry}${value}`, expect: SILENT },
  ];
}

/** Sets a variable of the process, which HAProxy calls an experiment. */
function setVariable(name: string, expression: string): Command[] {
  return [
    { text: 'experimental-mode on', expect: SILENT },
    { text: `set var ${name} expr ${expression}`, expect: SILENT },
  ];
}

/** What a map or list holds, as the runtime API tells it. */
export function showLookup({ kind, path }: Pick<LookupChange['lookup'], 'kind' | 'path'>): string {
  return `show ${kind === 'map' ? 'map' : 'acl'} ${escapeWord(path)}`;
}

/** Reads the answer: a reference, the key, and in a map the value. */
export function parseLookup(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      // One that HAProxy does not know is answered with a sentence.
      .filter((line) => line.startsWith('0x'))
      .map((line) => {
        const [, key = '', value = ''] = line.split(' ');
        return [key, value];
      }),
  );
}

/** A backslash takes their meaning from the characters that the runtime API goes by (management guide, section 9.3). */
function escapeWord(word: string): string {
  return word.replaceAll(/[\\ ]/g, (character) => `\\${character}`);
}

/** Sends commands one after another and holds every answer against what it should be. */
export async function runCommands(runtime: RuntimeConnection, commands: readonly Command[]): Promise<void> {
  const answers = await Promise.all(commands.map((command) => runtime.send(command.text)));
  for (const [index, { text, expect }] of commands.entries()) {
    const answer = answers[index] ?? '';
    if (!expect.test(answer))
      throw new UnexpectedAnswer(`HAProxy answered ${JSON.stringify(answer.slice(0, 200))} to "${text}"`);
  }
}

function pathOf({ pool, name }: Server): string {
  return `${pool}/${name}`;
}

function admissionPath({ pool, name }: Pick<Server, 'pool' | 'name'>): string {
  return `${admissionBackend(pool)}/${name}`;
}
