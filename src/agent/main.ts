import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import type { AgentReport } from '../api/agent.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { ensurePeerCertificate } from './peer-identity.ts';
import { findProgram } from '../host/exec.ts';
import { acquireLock } from '../host/lock.ts';
import { VERSION } from '../base/version.ts';
import { installedVersion } from '../haproxy/process/check.ts';
import { answerQuestions } from './answerer.ts';
import { createFollowedOrders } from './certificates/followed-orders.ts';
import { type CertificateOrders, createCertificateOrders } from './certificates/orders/orders.ts';
import { createAccountExchange } from './account-exchange.ts';
import { createChallengePublisher } from './challenges.ts';
import { createContact } from './contact.ts';
import { createControlPlane } from './control-plane.ts';
import { enrol } from './enrolment.ts';
import { createFleet } from './fleet.ts';
import { createFollower } from './follow.ts';
import { detectLayout, hostAddresses, operatingSystem } from './layout.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import { createMemory } from './memory.ts';
import { lookAtNode } from './reach.ts';
import { upgradableVersion } from './upgrade/place.ts';
import { type Upgrade, createUpgrade } from './upgrade/upgrade.ts';
import { type Reporter, createReporter } from './reporter.ts';

/** The machine that the control plane runs on. */
const LOCAL_MACHINE = 'local';
const HAPROXY_LOOK_MS = 60_000;

export interface AgentOptions {
  /** The control plane. */
  url: string;
  /** File with the agent's credential. Default: `token` in the data directory. */
  tokenFile?: string;
  /** File with a token to enrol with, by which the agent gets its credential. Default: it has one. */
  enrolFile?: string;
  /** File with the certificate or CA of the control plane, when the system does not trust it. */
  caFile?: string;
  /** Where the agent keeps its state. */
  dataDir: string;
  /** Added to ports below 1024. Default: 8000 where the agent may not bind them, else 0. */
  lowPortOffset?: number;
  /** Name of the machine. Default: local. */
  machine?: string;
  /** HAProxy's program. Default: AGENTMETAL_HAPROXY, else the one that the system has. */
  haproxy?: string;
  logLevel?: string;
  /** Default: the system's. */
  clock?: Clock;
  /** Called once the agent has taken up its work. */
  onReady?(): void;
  /** Ends the agent; HAProxy goes on. */
  signal: AbortSignal;
}

/** Runs the agent until its signal is aborted. Load balancers go on serving after it. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const release = await acquireLock(join(dataDir, 'agent.pid'), {
    role: 'agent',
    what: `the agent of ${dataDir}`,
    hint: 'One agent alone may work on a data directory: end the other one, or give this one another --data-dir.',
  });
  const logger = pino({ level: options.logLevel ?? 'warn', name: 'agent' }, pino.destination(2));
  const layout = detectLayout(dataDir, options.lowPortOffset);
  const binary = options.haproxy ?? process.env['AGENTMETAL_HAPROXY'] ?? findProgram('haproxy');
  const { url, caFile, enrolFile, tokenFile = join(dataDir, 'token'), clock = systemClock } = options;
  const connection = { url, tokenFile, ...(caFile === undefined ? {} : { caFile }) };
  const controlPlane = createControlPlane(connection);
  const about = await createAbout(binary, layout, { clock, logger });
  let reporter: Reporter | undefined;
  const root = join(dataDir, 'certificates');
  const certificates = createFollowedOrders({
    root,
    env: process.env,
    make: (settings) =>
      createCertificateOrders({
        root,
        settings,
        publisher: createChallengePublisher(connection),
        exchange: createAccountExchange(connection),
        clock,
        random: Math.random,
        logger,
      }),
  });
  const fleet = createFleet({
    machine: options.machine ?? LOCAL_MACHINE,
    binary,
    layout,
    clock,
    logger,
    memory: createMemory(dataDir, logger),
    certificates,
    checksDirectory: process.env['AGENTMETAL_CHECKS_DIR'] || undefined,
    onChange: (id, urgent) => reporter?.changed(id, urgent),
    onGuard: () => reporter?.guards(),
  });
  const upgrade = createUpgrade({
    dataDir,
    version: await upgradableVersion(),
    fetchBundle: controlPlane.bundle,
    logger,
    onChange: () => reporter?.all(),
  });
  const contact = createContact({ clock, random: Math.random });
  const follower = createFollower({
    caller: contact.caller(),
    logger,
    controlPlane,
    async take(state) {
      await fleet.take(state);
      upgrade.want(state.upgrade);
    },
    releasing: fleet.releasing,
    onTurn: () => reporter?.all(),
  });
  reporter = createReporter({
    clock,
    caller: contact.caller(),
    logger,
    controlPlane,
    about: () => ({
      ...about(),
      ...authorityOf(certificates),
      guards: fleet.guards(),
      ...upgraderOf(upgrade),
      ...(follower.fault() === undefined ? {} : { fault: follower.fault() }),
    }),
    ids: fleet.ids,
    newsOf: fleet.newsOf,
    onReported(ids) {
      fleet.told(ids);
      upgrade
        .reported()
        .catch((error: unknown) => logger.error({ error }, 'cannot note that this agent reports'));
    },
  });
  await upgrade.load();
  await certificates.load();
  await fleet.recall();
  options.onReady?.();
  reporter.all();
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const enrolling =
    enrolFile === undefined
      ? undefined
      : enrol({ ...connection, enrolFile, clock, logger, onEnrolled: fleet.belongTo }, signal);
  try {
    await Promise.all([
      enrolling,
      follower.run(signal),
      reporter.run(signal),
      certificates.run(signal),
      answerQuestions(
        {
          clock,
          caller: contact.caller(),
          logger,
          controlPlane,
          fault: follower.fault,
          answer: (id, question) =>
            question.kind === 'reach' ? lookAtNode(question) : fleet.answer(id, question),
        },
        signal,
      ),
    ]);
  } finally {
    // An agent that nobody takes in ends as a whole; what it serves goes on.
    failed.abort();
    await fleet.detach();
    await release();
  }
}

function upgraderOf(upgrade: Upgrade): Pick<AgentReport, 'upgrader'> {
  const upgrader = upgrade.report();
  return upgrader ? { upgrader } : {};
}

/** The CA that certificates are ordered from, as far as it is known. */
function authorityOf(certificates: CertificateOrders): Pick<AgentReport, 'authority'> {
  const authority = certificates.authority();
  return authority ? { authority } : {};
}

async function createAbout(
  binary: string,
  layout: HostLayout,
  { clock, logger }: { clock: Clock; logger: Logger },
) {
  let haproxyVersion = (await installedVersion(binary)) ?? null;
  const timer = setInterval(() => {
    void installedVersion(binary).then((version) => (haproxyVersion = version ?? null));
  }, HAPROXY_LOOK_MS);
  timer.unref();
  const os = operatingSystem();
  const peerCertificate = await ensurePeerCertificate(layout, clock.now()).catch((error: unknown) => {
    logger.error(
      { error: messageOf(error) },
      'there is no certificate by which other nodes could know this one',
    );
    return undefined;
  });
  return () => ({
    agentVersion: VERSION,
    haproxyVersion,
    ...(os === undefined ? {} : { os }),
    layout,
    hostAddresses: hostAddresses(),
    ...(peerCertificate === undefined ? {} : { peerCertificate }),
  });
}
