import { createHash } from 'node:crypto';
import { memoized } from '../../base/memo.ts';
import { createNewest } from '../../base/newest.ts';
import { unshared } from '../../base/unshared.ts';
import type { ServiceModel } from '../model.ts';
import { backendSections } from './backend.ts';
import { ringSections } from './log.ts';
import { peerSections } from './peers.ts';
import { limitSections } from './rate-limit.ts';
import { frontendSection } from './frontend.ts';
import { defaultsSection, globalSection } from './global.ts';
import { type Section, writeSections } from './section.ts';
import { type Server, allServers, serverLine } from './server.ts';

/**
 * The part of a configuration that only a reload can change: everything but the servers. Its hash is written into the
 * configuration as `description`, so that a running HAProxy tells by itself (`show info`) which one it runs.
 */
export interface Frame {
  hash: string;
  sections: readonly Section[];
}

export const renderFrame = memoized((model: ServiceModel): Frame =>
  knownFrame(model.id, [
    globalSection(model),
    defaultsSection(model),
    frontendSection(model),
    ...backendSections(model),
    ...limitSections(model),
    ...peerSections(model),
    ...ringSections(model),
  ]),
);

/** The frame that each load balancer had last. */
const lastFrames = createNewest<Frame>(200);

/** The very frame of before where its text is the same, as with most changes: its hash is made of all of that. */
function knownFrame(id: string, sections: readonly Section[]): Frame {
  const last = lastFrames.get(id);
  if (last && isSameText(last.sections, sections)) return last;
  const frame = { hash: hashOf(sections), sections };
  lastFrames.keep(id, frame);
  return frame;
}

function isSameText(one: readonly Section[], other: readonly Section[]): boolean {
  return one.length === other.length && one.every((section, index) => isSameSection(section, other[index]));
}

function isSameSection(one: Section, other: Section | undefined): boolean {
  if (one === other) return true;
  if (one.header !== other?.header || one.lines.length !== other.lines.length) return false;
  return one.lines.every((line, index) => line === other.lines[index]);
}

function hashOf(sections: readonly Section[]): string {
  return createHash('sha256').update(writeSections(sections)).digest('hex').slice(0, 16);
}

const DESCRIPTION = 'agentmetal frame ';

/** Reads the frame's hash from the description that `show info` tells. */
export function frameHashOf(description: string | undefined): string | undefined {
  return description?.startsWith(DESCRIPTION) ? description.slice(DESCRIPTION.length) : undefined;
}

/** Renders the whole haproxy.cfg of one load balancer. Servers without an address are left out. */
export function renderConfig(model: ServiceModel): string {
  const { hash, sections } = renderFrame(model);
  const byPool = Map.groupBy(
    allServers(model).filter((server) => server.address !== undefined),
    (server) => server.pool,
  );
  const complete = sections.map((section) => completeSection(section, hash, byPool));
  return `# Load balancer ${model.name} (${model.id}). Written by the agentmetal agent, which overwrites what is changed here.\n\n${writeSections(complete)}`;
}

function completeSection(section: Section, hash: string, byPool: Map<string, Server[]>): Section {
  if (section.header === 'global')
    return { ...section, lines: [`description '${DESCRIPTION}${hash}'`, ...section.lines] };
  const members = section.header.startsWith('backend ')
    ? byPool.get(section.header.slice('backend '.length))
    : undefined;
  return members ? withServers(section, members) : section;
}

const completed = new WeakMap<Section, { members: readonly Server[]; section: Section }>();

/** The section of a pool with its servers: the very same as last time where nothing of it has changed, as with most of a thousand. */
function withServers(frame: Section, members: readonly Server[]): Section {
  const last = completed.get(frame);
  if (last?.members.length === members.length && unshared(last.members, members).after.length === 0)
    return last.section;
  const section = { ...frame, lines: [...frame.lines, ...members.map((server) => serverLine(server))] };
  completed.set(frame, { members, section });
  return section;
}
