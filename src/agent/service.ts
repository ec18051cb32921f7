import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { AnswerBody, ServiceQuestion } from '../api/agent-questions.ts';
import type { DesiredLoadBalancer, GuardReport, LoadBalancerReport, NodeOrder } from '../api/agent.ts';
import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { findProgram } from '../host/exec.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { peerKeyPath } from '../haproxy/config/peers.ts';
import { serverKey, servers } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { serverChanges } from '../haproxy/plan.ts';
import { findMaster, stopMaster } from '../haproxy/process/master.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import type { Receipt } from '../spec/plan.ts';
import { shareStructure } from '../spec/share.ts';
import { findLive, isSameLookups, observedLookups, observedServers } from './adopt.ts';
import { refusal } from './answerer.ts';
import { type BackendMonitor, createBackendMonitor } from './backend-monitor.ts';
import { observedCertificates } from './serving/deploy.ts';
import { certificateReports } from './serving/status.ts';
import { createStapler } from './serving/staples.ts';
import { createCertificateWatch } from './serving/watch.ts';
import { type CertificateKeeper, createCertificateKeeper } from './serving/keeper.ts';
import type { CertificateSource } from './serving/source.ts';
import { CertificateRefused } from '../haproxy/runtime/certificates.ts';
import { type Live, converge, isServing, resolvedServers, saveLive } from './converge.ts';
import { type Floating, createFloating } from './floating/floating.ts';
import { floatingPaths } from './floating/paths.ts';
import { type Guard, createGuard } from './guard/guard.ts';
import { boundLogs } from './logs/bound.ts';
import { type Observer, createObserver } from './observe/observer.ts';
import { createReceipt } from './receipt.ts';
import type { NameResolver, Resolution } from './resolver.ts';
import type { Leaving } from './runtime-changes.ts';
import { type News, createTold } from './told.ts';
import { type UntoldTurns, createUntoldTurns } from './untold.ts';
import { createWake } from './wake.ts';

/** How often the whole of HAProxy is held against what is wanted, though nothing seems to have changed. */
const AUDIT_MS = 10_000;
/** How often it is looked whether logs have grown too long. */
const LOGS_MS = 60_000;
const MAX_CERTIFICATE_REPORTS = 500;
/** How often HAProxy is asked how the backends are. */
const LOOK_MS = 1000;
/** So many looks at most come to nothing because of changes. */
const MAX_VAIN_LOOKS = 3;
/** Writing down what runs takes time that grows with the servers; it may take a twentieth of a core. */
const SAVE_SHARE = 20;
/** How often, and after how long a pause, it is looked whether a worker that has hung up has ended. */
const END_LOOKS = 25;
const END_LOOK_MS = 2;
/** So long HAProxy serves on when its addresses have gone to other nodes. */
const LEAVE_MS = 2000;
/** But it does not wait for a quiet moment for ever. */
const SAVE_AT_LAST_MS = 10_000;

export interface ServiceOptions {
  id: string;
  machine: string;
  binary: string;
  layout: HostLayout;
  clock: Clock;
  logger: Logger;
  resolver: NameResolver;
  /** Where the certificates of domains come from. Default: nowhere, and HTTPS answers with a placeholder. */
  certificates?: CertificateSource | undefined;
  /** Folder with the programs that check backends. Default: `checks` in the agent's data directory. */
  checksDirectory?: string | undefined;
  /** Called whenever there is something new to report. */
  onChange(urgent: boolean): void;
  /** Called when there is news of a guard. */
  onGuard(): void;
  /** The revision that was live when the agent last ran. */
  observedRevision: number;
  onObserved(revision: number): void;
}

/** One load balancer on this machine: a loop that keeps its HAProxy as it is wanted. */
export class Service {
  readonly id: string;
  readonly #options: ServiceOptions;
  readonly #wake = createWake();
  readonly #monitor: BackendMonitor;
  readonly #observer: Observer;
  readonly #guard: Guard;
  readonly #leaving: Leaving = new Map();
  readonly #told = createTold(() => performance.now());
  readonly #certificates: CertificateKeeper;
  readonly #floating: Floating;
  readonly #untold: UntoldTurns;
  readonly #certificateWatch = createCertificateWatch();
  readonly #backoff;
  #desired: DesiredLoadBalancer | undefined;
  #live: Live | undefined;
  #model: ServiceModel | undefined;
  /** What was wanted when it was last brought about. */
  #applied: DesiredLoadBalancer | undefined;
  #resolution: Resolution = { addresses: new Map(), faults: new Map(), kept: new Map() };
  #receipt: Receipt | undefined;
  #observedRevision: number;
  #retryAt = 0;
  #auditAt = 0;
  #logsAt = 0;
  /** Whether HAProxy has been found to differ from what this agent left, so that it must be asked for everything. */
  #isDoubtful = false;
  /** When what runs was last written down, and what that took; when it last changed. */
  #savedAt = 0;
  #saveMs = 0;
  #changedAt = 0;
  /** When all was last done that is done when nothing is to be changed. */
  #tidiedAt = 0;
  /** Counts the beginnings and ends of changes, so that a look in between is known for what it is. */
  #changes = 0;
  #looking: Promise<void> | undefined;
  /** Looks in a row that came to nothing, because a change came in between. */
  #vainLooks = 0;
  #isStopping = false;
  #ended: Promise<void> | undefined;
  /** What is done when nothing is to be changed, in this order. */
  readonly #tidying = [
    () => this.#sweep(),
    () => this.#untold.save(),
    () => this.#saveStates(),
    () => this.#save(),
    () => this.#boundLogs(),
  ];

  constructor(options: ServiceOptions) {
    this.id = options.id;
    this.#options = options;
    this.#observedRevision = options.observedRevision;
    this.#certificates = createCertificateKeeper({
      id: options.id,
      layout: options.layout,
      source: options.certificates,
      stapler: createStapler({
        directory: join(servicePaths(options.id, options.layout).directory, 'ocsp'),
        clock: options.clock,
        logger: options.logger,
        onChange: () => this.nudge(),
      }),
    });
    this.#backoff = createBackoff({ initialMs: 1000, maxMs: 30_000, random: Math.random });
    this.#monitor = createBackendMonitor({
      clock: options.clock,
      logger: options.logger,
      checksDirectory: options.checksDirectory,
      onChange: () => options.onChange(false),
      onUnsaved: () => this.#wake.ring(),
      onWorkerEnd: () => void this.#noticeEnd(),
      onTable: (proxy, table, readings) => {
        this.#observer.take(proxy, readings, this.#observedRevision);
        this.#guard.take(proxy, table);
      },
    });
    const { directory } = servicePaths(options.id, options.layout);
    this.#untold = createUntoldTurns(join(directory, 'untold.json'), options.logger);
    this.#guard = createGuard(options);
    this.#floating = createFloating({
      id: options.id,
      binaries: {
        keepalived: findProgram('keepalived'),
        bird: findProgram('bird'),
        birdc: findProgram('birdc'),
      },
      service: servicePaths(options.id, options.layout),
      clock: options.clock,
      logger: options.logger,
      interfaces: networkInterfaces,
      areBackendsKnown: () => this.#areBackendsKnown(),
      onChange: () => options.onChange(true),
    });
    this.#observer = createObserver(options);
  }

  /** What is wanted; undefined before anything is. */
  get wanted(): DesiredLoadBalancer | undefined {
    return this.#desired;
  }

  /** Sets what is wanted and has it brought about. */
  want(desired: DesiredLoadBalancer): void {
    const { spec, vpc } = desired;
    this.#desired = {
      ...desired,
      spec: shareStructure(this.#desired?.spec, spec),
      vpc: shareStructure(this.#desired?.vpc, vpc),
    };
    this.#retryAt = 0;
    this.#wake.ring();
    this.#ended ??= this.#run();
  }

  /** Finds out what is asked now. */
  async answer(question: ServiceQuestion): Promise<AnswerBody> {
    if (question.kind === 'renew') return this.#renew(question.domain);
    if (question.kind === 'failover') return this.#failover(question);
    if (question.kind === 'expect') {
      return (await this.#floating.expect())
        ? { kind: 'expect' }
        : refusal('failed', 'no other node shares addresses with it');
    }
    if (!this.#model || !this.#live) return refusal('not-serving', 'HAProxy does not serve it yet');
    const states = this.#monitor.statuses(this.#model, this.#resolution);
    return this.#observer.answer(question, { model: this.#model, states });
  }

  /** Has certificates renewed; a load balancer that does not serve yet can get its own all the same. */
  #renew(domain: string | undefined): AnswerBody {
    const { certificates: source } = this.#options;
    if (!source) return refusal('failed', 'no certificates are obtained on this machine');
    const domains = source
      .state(this.id)
      .map((order) => order.domain)
      .filter((known) => domain === undefined || known === domain);
    if (domains.length === 0) return refusal('failed', 'no certificate of it is obtained from a CA here');
    source.renewNow(this.id, domain);
    return { kind: 'renew', domains };
  }

  async #failover({
    back = false,
    addresses,
  }: Extract<ServiceQuestion, { kind: 'failover' }>): Promise<AnswerBody> {
    const node = this.#desired?.node?.name ?? this.#options.machine;
    if (back ? await this.#floating.back() : await this.#floating.yield(addresses))
      return { kind: 'failover', node };
    return refusal(
      'failed',
      back
        ? `${node} has given nothing up that it could take back`
        : `${node} has no floating address of it to give away`,
    );
  }

  /** Looks again soon: a name stands for another address, or there are other certificates. */
  nudge(): void {
    this.#certificates.touch();
    this.#wake.ring();
  }

  /** Ends the loop and leaves HAProxy serving. */
  async detach(): Promise<void> {
    this.#isStopping = true;
    this.#wake.ring();
    await this.#ended;
  }

  /** Ends the loop, HAProxy and everything of it on this machine. */
  async remove(): Promise<void> {
    await this.detach();
    // What was under way ends with this node; other nodes hand it on.
    if (await this.#floating.leave()) await this.#options.clock.sleep(LEAVE_MS);
    await this.#floating.remove();
    const paths = servicePaths(this.id, this.#options.layout);
    const masterPid = await findMaster(paths);
    if (masterPid !== undefined) await stopMaster(masterPid, paths);
    await rm(paths.directory, { recursive: true, force: true });
  }

  /** What is known of it; undefined before anything is, so that nothing is told that is not so. */
  report(): LoadBalancerReport | undefined {
    return this.#reportWith(() => ({ backends: this.#statuses(), partial: false }));
  }

  /** How the guard of the newest revision stands; undefined without one. */
  guard(): GuardReport | undefined {
    return this.#guard.report();
  }

  /** What is new of it since the last time; all of it when the control plane may know nothing. */
  news(isFresh: boolean): LoadBalancerReport | undefined {
    const count = this.#model ? servers(this.#model).length : 0;
    this.#noteTurns();
    const news = this.#reportWith(() =>
      this.#told.next(count, this.#options.clock.now(), () => this.#statuses(), isFresh),
    );
    const untold = this.#untold.offer();
    return news && isFresh && untold ? { ...news, untold } : news;
  }

  /** The control plane has what was new when it was last asked for. */
  told(): void {
    this.#untold.told();
  }

  #noteTurns(): void {
    if (this.#model) this.#untold.add(this.#monitor.takeTurns(this.#model));
  }

  #statuses(): LoadBalancerReport['backends'] {
    return this.#model ? this.#monitor.reports(this.#model, this.#resolution) : [];
  }

  #reportWith(news: () => News): LoadBalancerReport | undefined {
    if (!this.#model && !this.#receipt) return undefined;
    const { backends, partial } = news();
    const worker = this.#live?.proxy.worker;
    const traffic = this.#observer.traffic();
    const node = this.#floating.report();
    return {
      id: this.id,
      observedRevision: this.#observedRevision,
      ...(this.#receipt ? { receipt: this.#receipt } : {}),
      backends,
      ...(partial ? { partial } : {}),
      ...this.#certificateNews(),
      ...(node ? { node } : {}),
      ...(traffic ? { traffic } : {}),
      ...(this.#live && worker
        ? {
            haproxy: {
              version: worker.version,
              pid: this.#live.proxy.masterPid,
              workerPid: worker.pid,
              startedAt: this.#startedAt(worker.uptimeSeconds),
            },
          }
        : {}),
    };
  }

  #lastCertificates = '';
  #haveCertificatesNews(): boolean {
    const text = JSON.stringify(this.#certificateNews());
    const isNews = text !== this.#lastCertificates;
    this.#lastCertificates = text;
    return isNews;
  }

  /** A certificate may have thousands of names; more than these nobody reads. */
  #certificateNews(): Pick<LoadBalancerReport, 'certificates'> {
    if (!this.#model) return {};
    const { clock, certificates: source } = this.#options;
    const { name, spec } = this.#model;
    const offered = this.#certificates.offered();
    const orders = source?.state(this.id) ?? [];
    const reports = certificateReports({ name, spec, offered, orders, now: clock.now() });
    return reports.length > 0 ? { certificates: reports.slice(0, MAX_CERTIFICATE_REPORTS) } : {};
  }

  #startedAtMs: number | undefined;
  #startedAt(uptimeSeconds: number): string {
    this.#startedAtMs ??= this.#options.clock.now() - uptimeSeconds * 1000;
    return new Date(this.#startedAtMs).toISOString();
  }

  async #run(): Promise<void> {
    await this.#untold.load();
    while (!this.#isStopping) {
      await this.#pass();
      if (!this.#isStopping) await this.#wake.wait(LOOK_MS);
    }
    this.#certificateWatch.close();
    await this.#looking;
    await this.#monitor.end();
    this.#noteTurns();
    await this.#untold.save();
    await this.#saveStates();
    await this.#save();
    await this.#observer.end();
    await this.#floating.detach();
  }

  /** Brings about what is wanted, and has a look at how the backends are begun. It never throws. */
  async #pass(): Promise<void> {
    const { clock } = this.#options;
    const desired = this.#desired;
    if (!desired) return;
    if (clock.now() >= this.#retryAt) await this.#apply(desired);
    await this.#floating.tend(desired.node);
    // What is wanted now is not what was brought about: that first, unless changes have kept the rest from being done for long.
    const isOvertaken = () =>
      desired !== this.#desired && performance.now() < this.#tidiedAt + SAVE_AT_LAST_MS;
    if (isOvertaken()) return;
    this.#looking ??= this.#look(desired).finally(() => (this.#looking = undefined));
    // Among thousands of backends a look takes longer than a change may wait, but it must come to an end now and then.
    if (desired.guard || this.#vainLooks >= MAX_VAIN_LOOKS) await this.#looking;
    this.#noteTurns();
    for (const tidy of this.#tidying) {
      // A change does not wait for what may be done after it.
      if (isOvertaken()) return;
      await tidy();
    }
    this.#tidiedAt = performance.now();
  }

  async #boundLogs(): Promise<void> {
    const { clock, layout, logger } = this.#options;
    if (clock.now() < this.#logsAt) return;
    this.#logsAt = clock.now() + LOGS_MS;
    const { directory } = servicePaths(this.id, layout);
    await boundLogs([directory, floatingPaths(directory).directory]).catch((error: unknown) =>
      logger.warn({ loadBalancer: this.id, error }, 'logs cannot be made shorter'),
    );
  }

  /** Deletes what has left. */
  async #sweep(): Promise<void> {
    const [live, model] = [this.#live, this.#model];
    if (!live || !model || !isServing(live.proxy)) return;
    try {
      await this.#monitor.sweep(live.proxy, model, this.#leaving);
    } catch (error) {
      this.#options.logger.warn({ loadBalancer: this.id, error }, 'cannot delete backends that have left');
    }
  }

  /** Writes down how the backends are, when there is time for it. */
  async #saveStates(): Promise<void> {
    try {
      if (this.#model) await this.#monitor.save(this.#model, this.#isStopping);
    } catch (error) {
      this.#options.logger.warn({ loadBalancer: this.id, error }, 'cannot write down how the backends are');
    }
  }

  /** Writes down what runs, when there is time for it. */
  async #save(): Promise<void> {
    const begun = performance.now();
    const isQuiet =
      begun >= this.#changedAt + this.#saveMs * SAVE_SHARE || begun >= this.#savedAt + SAVE_AT_LAST_MS;
    const isDue = begun >= this.#savedAt + this.#saveMs * SAVE_SHARE && isQuiet;
    try {
      if (!this.#live || (!isDue && !this.#isStopping)) return;
      this.#live = await saveLive(this.#live);
    } catch (error) {
      this.#options.logger.warn({ loadBalancer: this.id, error }, 'cannot write down what runs');
    }
    this.#savedAt = performance.now();
    this.#saveMs = this.#savedAt - begun;
  }

  /** Sees how the backends are. It never throws. */
  async #look(desired: DesiredLoadBalancer): Promise<void> {
    const { clock, logger } = this.#options;
    const [live, model] = [this.#live, this.#model];
    if (live && model && isServing(live.proxy)) {
      const begun = this.#changes;
      const isStill = () => begun === this.#changes;
      await this.#noticeDrift(live, model, isStill);
      try {
        const looked = await this.#monitor.look(model, live.proxy, this.#leaving, isStill);
        this.#vainLooks = looked === 'in-vain' ? this.#vainLooks + 1 : 0;
        if (this.#monitor.hasIdle()) this.#wake.ring();
        if (looked === 'done') await this.#audit(live, model, isStill);
        if (isStill()) {
          this.#monitor.admit(model);
          this.#observer.tend(live.proxy, model);
        }
        if (this.#told.isDue(clock.now())) this.#options.onChange(false);
      } catch (error) {
        logger.warn({ loadBalancer: this.id, error }, 'cannot read the state of HAProxy');
      }
    }
    if (model) await this.#guard.look(desired, () => this.#monitor.statuses(model, this.#resolution));
  }

  /** Holds what HAProxy tells against what it was left with; when they differ, the next pass finds out how. */
  async #audit(live: Live, model: ServiceModel, isStill: () => boolean): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#auditAt) return;
    this.#auditAt = now + AUDIT_MS;
    const hasServers = this.#monitor.hasServers(live.servers, this.#leaving);
    const hasLookups = hasServers && isSameLookups(model, live.lookups, await observedLookups(model));
    if (hasLookups || !isStill()) return;
    this.#isDoubtful = true;
    this.#wake.ring();
  }

  async #apply(desired: DesiredLoadBalancer): Promise<void> {
    const { clock, binary, machine } = this.#options;
    const startedAt = clock.now();
    const begun = performance.now();
    const resolved = await this.#options.resolver.resolve(desired);
    const isSame = isDeepStrictEqual(resolved, this.#resolution);
    if (
      isSame &&
      desired === this.#applied &&
      this.#isServing &&
      !this.#isDoubtful &&
      !this.#certificates.isTouched()
    )
      return;
    const resolution = isSame ? this.#resolution : resolved;
    this.#resolution = resolution;
    this.#changes += 1;
    const model = await this.#modelOf(desired, resolution);
    const before = this.#model;
    const isNew = desired.revision !== this.#observedRevision;
    try {
      await this.#guard.follow(desired, this.#observedRevision);
      const live = await this.#currentLive(model);
      const states = () => this.#monitor.statuses(before ?? model, resolution);
      if (isNew) await this.#guard.begin(desired, states, live?.proxy);
      this.#forgetNew(live, model);
      if (before) this.#monitor.recheck(before, model);
      this.#floating.serving(live !== undefined && isServing(live.proxy));
      const result = await converge(live, model, {
        binary,
        healthOf: (server) => this.#monitor.healthOf(server),
        leaving: this.#leaving,
      });
      if (result.live.proxy.worker.pid !== live?.proxy.worker.pid) this.#startedAtMs = undefined;
      this.#changes += 1;
      this.#changedAt = performance.now();
      this.#live = result.live;
      this.#floating.serving(true);
      this.#model = model;
      this.#applied = desired;
      this.#backoff.reset();
      if (isNew) await this.#guard.live(desired.revision);
      if (isNew || this.#receipt?.outcome === 'failed') {
        this.#settle(
          createReceipt({
            desired,
            machine,
            before,
            model,
            result,
            startedAt,
            durationMs: performance.now() - begun,
          }),
        );
      } else if (result.path !== 'none' || !before || this.#haveCertificatesNews())
        this.#options.onChange(false);
      this.#monitor.admit(model, result.begun);
    } catch (error) {
      this.#changes += 1;
      if (await this.#leaveOut(error)) return;
      this.#retryAt = clock.now() + this.#backoff.next();
      this.#fail(
        createReceipt({
          desired,
          machine,
          before,
          model,
          error,
          isServing: this.#isServing,
          startedAt,
          durationMs: performance.now() - begun,
        }),
      );
    }
  }

  async #modelOf(desired: DesiredLoadBalancer, { addresses }: Resolution): Promise<ServiceModel> {
    const { id, name, spec, address } = desired;
    const { layout, certificates: source } = this.#options;
    const certificates = await this.#certificates.look(desired);
    const thumbprint = source?.thumbprint();
    const nodes = nodesOf(desired.node, layout);
    return { id, name, spec, address, layout, addresses, certificates, thumbprint, nodes };
  }

  /** A certificate that HAProxy refuses must not hold up the rest: the next pass goes on without it. */
  async #leaveOut(error: unknown): Promise<boolean> {
    if (!(error instanceof CertificateRefused)) return false;
    if (!(await this.#certificates.refuse(error.path, error.said))) return false;
    this.#options.logger.error({ loadBalancer: this.id, path: error.path }, error.message);
    // What was changed before it was refused is seen by asking HAProxy.
    this.#isDoubtful = true;
    this.#wake.ring();
    return true;
  }

  /**
   * A worker has closed the connection on which it was watched. A process hangs up just before it ends, and other nodes must
   * know within milliseconds that it has.
   */
  async #noticeEnd(): Promise<void> {
    for (let look = 0; look < END_LOOKS && this.#live !== undefined; look++) {
      if (!this.#isServing) {
        this.#floating.serving(false);
        break;
      }
      await this.#options.clock.sleep(END_LOOK_MS);
    }
    this.#wake.ring();
  }

  /** Has everything looked at anew when HAProxy serves other certificates than those that were brought to it. */
  async #noticeDrift(live: Live, model: ServiceModel, isStill: () => boolean): Promise<void> {
    const { logger } = this.#options;
    const { certificates, proxy } = live;
    // Of the placeholder alone nobody takes notice.
    if (certificates.size < 2) return;
    try {
      if (await this.#certificateWatch.areServed(proxy.worker.pid, model, certificates)) return;
    } catch (error) {
      logger.warn({ loadBalancer: this.id, error }, 'cannot read the certificates that HAProxy serves');
      return;
    }
    if (!isStill()) return;
    logger.error({ loadBalancer: this.id }, 'HAProxy serves other certificates than it should; mending it');
    this.#isDoubtful = true;
    this.#wake.ring();
  }

  #areBackendsKnown(): boolean {
    const model = this.#model;
    if (!model) return false;
    return this.#monitor.statuses(model, this.#resolution).every(({ state }) => state !== 'checking');
  }

  get #isServing(): boolean {
    return this.#live !== undefined && isServing(this.#live.proxy);
  }

  /** What runs: as this agent left it, or, from time to time and at the start, as HAProxy itself tells it. */
  async #currentLive(model: ServiceModel): Promise<Live | undefined> {
    const now = this.#options.clock.now();
    const live = this.#live;
    if (!live || !isServing(live.proxy)) {
      if (!live) await this.#monitor.recall(model, now);
      const found = await findLive(model);
      if (found) this.#auditAt = now + AUDIT_MS;
      this.#isDoubtful = false;
      return found ?? live;
    }
    if (!this.#isDoubtful) return live;
    const all = await observedServers(model, live.servers);
    const observed = all.filter((server) => !this.#leaving.has(serverKey(server)));
    this.#isDoubtful = false;
    return {
      ...live,
      servers: observed,
      lookups: await observedLookups(model),
      certificates: await observedCertificates(model),
    };
  }

  /** A backend that is new here, or moves to another address, must show that it works, whatever it did before. */
  #forgetNew(live: Live | undefined, model: ServiceModel): void {
    // Without a HAProxy everything would be new, but then the last that is known counts.
    if (!live) return;
    for (const change of serverChanges(live.servers, resolvedServers(model))) {
      if (change.kind === 'remove') continue;
      if (change.kind === 'add') this.#monitor.forget(change.server, false);
      else if (change.before.address !== change.after.address) this.#monitor.forget(change.after, true);
    }
  }

  #settle(receipt: Receipt): void {
    this.#receipt = receipt;
    this.#observedRevision = receipt.revision;
    this.#options.onObserved(receipt.revision);
    this.#options.onChange(true);
  }

  #fail(receipt: Receipt): void {
    const isRepeated =
      this.#receipt?.revision === receipt.revision && this.#receipt.error?.detail === receipt.error?.detail;
    this.#receipt = receipt;
    if (isRepeated) return;
    this.#options.logger.error(
      { loadBalancer: this.id, revision: receipt.revision, error: receipt.error },
      'revision failed',
    );
    this.#options.onChange(true);
  }
}

/**
 * A node that is alone has nobody to share anything with. One whose key is gone shares nothing until the others know its new
 * one: it must not speak to them without.
 */
function nodesOf(node: NodeOrder | undefined, layout: HostLayout): ServiceModel['nodes'] {
  if (!node || node.members.length < 2) return undefined;
  const own = node.members.find(({ name }) => name === node.name)?.certificate;
  if (own !== undefined && !existsSync(peerKeyPath(layout, own))) return undefined;
  return { self: node.name, members: node.members };
}
