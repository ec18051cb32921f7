import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import type { HostLayout } from '../../spec/host-layout.ts';
import { type ContentFile, peersCaFile } from './files.ts';
import { AGENT_PEER, LOCAL_PEER, PEERS } from './names.ts';
import { servicePaths } from './paths.ts';
import { limitsOf } from './rate-limit.ts';
import type { Section } from './section.ts';

/** Whether anything is kept in stick tables. */
export function hasTables(model: ServiceModel): boolean {
  return (
    limitsOf(model).length > 0 || poolsOf(model.spec).some(([, { sticky }]) => sticky?.mode === 'source-ip')
  );
}

/** How a worker is met as a peer. */
export interface PeerEndpoint {
  /** The name that a node has among its peers. */
  local: string;
  /** The name under which the agent speaks to a worker as a peer. */
  agent: string;
  /** Where the worker listens: an abstract socket of that name, or a port. */
  at: { abstract: string } | { host: string; port: number };
  /** Where nodes show each other certificates: this one's key with its certificate, and those of all. */
  tls?: PeerTls;
}

export interface PeerTls {
  /** File with the certificate and the key. */
  keyFile: string;
  /** Certificates of all nodes (PEM). */
  certificates: readonly string[];
}

/** Where a machine keeps the keys by which other nodes know it: beside the folders of load balancers, not among them. */
export function peerKeyDirectory({ directory }: Pick<HostLayout, 'directory'>): string {
  return join(directory, '../peer');
}

/** Where the key of a certificate is by which other nodes know this one. */
export function peerKeyPath(layout: Pick<HostLayout, 'directory'>, certificate: string): string {
  return join(peerKeyDirectory(layout), `${digest(certificate.trim()).slice(0, 16)}.pem`);
}

/** Nodes show each other certificates once all have one. */
function peerTls({ layout, nodes }: PeerModel): PeerTls | undefined {
  const certificates = nodes?.members.flatMap(({ certificate }) => certificate ?? []) ?? [];
  const own = nodes?.members.find(({ name }) => name === nodes.self)?.certificate;
  if (own === undefined || certificates.length < (nodes?.members.length ?? 0)) return undefined;
  return { keyFile: peerKeyPath(layout, own), certificates };
}

/** Where nodes meet: below the ports from which the kernel takes those of outgoing connections. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** The port on which the nodes of a load balancer meet: the same on each, and another for another load balancer. */
export function peerPort(id: string): number {
  return FIRST_PORT + (Number.parseInt(digest(`${id}\npeer port`).slice(0, 8), 16) % PORTS);
}

/**
 * The worker of a node that is alone listens on an abstract socket: workers that are locked in reach no path. With others it
 * listens on its address in the VPC. The protocol knows no password but the names of both sides, so those tell nothing, and
 * who is no node gets no further than the handshake of TLS.
 */
export function peerEndpoint(model: PeerModel): PeerEndpoint {
  const { id, layout, nodes } = model;
  const self = nodes?.members.find(({ name }) => name === nodes.self);
  const tls = peerTls(model);
  if (nodes && self)
    return {
      ...(tls ? { tls } : {}),
      local: peerName(id, self.name),
      agent: peerName(id, `${self.name}\n${AGENT_PEER}`),
      at: { host: self.address, port: peerPort(id) },
    };
  const abstract = `agentmetal-${digest(servicePaths(id, layout).workerSocket).slice(0, 24)}`;
  return { local: LOCAL_PEER, agent: AGENT_PEER, at: { abstract } };
}

type PeerModel = Pick<ServiceModel, 'id' | 'layout' | 'nodes'>;

function peerName(id: string, name: string): string {
  return digest(`${id}\npeer\n${name}`).slice(0, 32);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The line by which a worker knows itself among its peers: one that has the same gets the tables from the one before. */
export function localPeerLine(model: PeerModel): string {
  const { local, at, tls } = peerEndpoint(model);
  const where = 'abstract' in at ? `abns@${at.abstract}` : `${socketHost(at.host)}:${at.port}`;
  return `peer ${local} ${where}${tls ? ` ssl crt ${tls.keyFile}` : ''}`;
}

/** The same of a configuration that was written earlier; undefined for one without stick tables. */
export function localPeerLineIn(config: string): string | undefined {
  const local = /^ {2}localpeer (\S+)$/m.exec(config)?.[1];
  if (local === undefined) return undefined;
  const bound = /^ {2}bind (\S+ ssl crt \S+) ca-file \S+ verify required$/m.exec(sectionOf(config))?.[1];
  if (bound !== undefined) return `peer ${local} ${bound}`;
  return config
    .split('\n')
    .find((line) => line.startsWith(`  peer ${local} `))
    ?.trim();
}

/** The file by which nodes know each other; none where they show no certificates. */
export function peerFiles(model: ServiceModel): ContentFile[] {
  const { tls } = peerEndpoint(model);
  return tls && hasTables(model) ? [peersCaFile(model, tls.certificates)] : [];
}

/** The part of a configuration in which peers are named. */
function sectionOf(config: string): string {
  const [, text = ''] = config.split(`\npeers ${PEERS}\n`);
  return text.split(/\n(?! )/)[0] ?? '';
}

/**
 * This node is a peer of itself: a new worker gets the tables from the one before. The agent is another one: it tells
 * a worker that has nobody to learn from that there is nothing to wait for. The others are the other nodes.
 */
export function peerSections(model: ServiceModel): Section[] {
  if (!hasTables(model)) return [];
  const { nodes, id, layout } = model;
  const others = nodes?.members.filter(({ name }) => name !== nodes.self) ?? [];
  const { abstract } = peerEndpoint({ id, layout }).at as { abstract: string };
  const { agent, local, at, tls } = peerEndpoint(model);
  if (tls && 'host' in at) {
    const secured = `ssl crt ${tls.keyFile} ca-file ${peersCaFile(model, tls.certificates).path} verify required`;
    const lines = [
      `bind ${socketHost(at.host)}:${at.port} ${secured}`,
      `default-server ${secured}`,
      `server ${local}`,
      `server ${agent} abns@${abstract}-agent`,
      ...others.map(
        ({ name, address }) => `server ${peerName(id, name)} ${socketHost(address)}:${peerPort(id)}`,
      ),
    ];
    return [{ header: `peers ${PEERS}`, lines }];
  }
  return [
    {
      header: `peers ${PEERS}`,
      lines: [
        localPeerLine(model),
        // Nobody listens there: the agent is the one that calls.
        `peer ${agent} abns@${abstract}-agent`,
        ...others.map(
          ({ name, address }) => `peer ${peerName(id, name)} ${socketHost(address)}:${peerPort(id)}`,
        ),
      ],
    },
  ];
}

function socketHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
