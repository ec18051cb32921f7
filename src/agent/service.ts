import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { AnswerBody, QuestionBody } from '../api/agent-questions.ts';
import type { DesiredLoadBalancer, GuardReport, LoadBalancerReport } from '../api/agent.ts';
import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { servicePaths } from '../haproxy/config/paths.ts';
import { serverKey, servers } from '../haproxy/config/server.ts';
import type { ServiceModel } from '../haproxy/model.ts';
import { serverChanges } from '../haproxy/plan.ts';
import { findMaster, stopMaster } from '../haproxy/process/master.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import type { Receipt } from '../spec/plan.ts';
import { shareStructure } from '../spec/share.ts';
import { findLive, observedLookups, observedServers } from './adopt.ts';
import { refusal } from './answerer.ts';
import { type BackendMonitor, createBackendMonitor } from './backend-monitor.ts';
import { type Live, converge, isServing, resolvedServers } from './converge.ts';
import { type Guard, createGuard } from './guard/guard.ts';
import { type Observer, createObserver } from './observe/observer.ts';
import { createReceipt } from './receipt.ts';
import type { NameResolver, Resolution } from './resolver.ts';
import type { Leaving } from './runtime-changes.ts';
import { type News, createTold } from './told.ts';
import { createWake } from './wake.ts';

/** How often the whole of HAProxy is held against what is wanted, though nothing seems to have changed. */
const AUDIT_MS = 10_000;
/** How often HAProxy is asked how the backends are. */
const LOOK_MS = 1000;

export interface ServiceOptions {
  id: string;
  machine: string;
  binary: string;
  layout: HostLayout;
  clock: Clock;
  logger: Logger;
  resolver: NameResolver;
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
  readonly #backoff;
  #desired: DesiredLoadBalancer | undefined;
  #live: Live | undefined;
  #model: ServiceModel | undefined;
  /** What was wanted when it was last brought about. */
  #applied: DesiredLoadBalancer | undefined;
  #resolution: Resolution = { addresses: new Map(), faults: new Map() };
  #receipt: Receipt | undefined;
  #observedRevision: number;
  #retryAt = 0;
  #auditAt = 0;
  #isStopping = false;
  #ended: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.id = options.id;
    this.#options = options;
    this.#observedRevision = options.observedRevision;
    this.#backoff = createBackoff({ initialMs: 1000, maxMs: 30_000, random: Math.random });
    this.#monitor = createBackendMonitor({
      clock: options.clock,
      logger: options.logger,
      checksDirectory: options.checksDirectory,
      onChange: () => options.onChange(false),
      onWorkerEnd: () => this.#wake.ring(),
      onTable: (proxy, table) => {
        this.#observer.take(proxy, table, this.#observedRevision);
        this.#guard.take(proxy, table);
      },
    });
    this.#guard = createGuard(options);
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
  async answer(question: QuestionBody): Promise<AnswerBody> {
    if (!this.#model || !this.#live) return refusal('not-serving', 'HAProxy does not serve it yet');
    const states = this.#monitor.statuses(this.#model, this.#resolution);
    return this.#observer.answer(question, { model: this.#model, states });
  }

  /** Looks again soon: a name stands for another address. */
  nudge(): void {
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
    return this.#reportWith(() =>
      this.#told.next(count, this.#options.clock.now(), () => this.#statuses(), isFresh),
    );
  }

  #statuses(): LoadBalancerReport['backends'] {
    return this.#model ? this.#monitor.reports(this.#model, this.#resolution) : [];
  }

  #reportWith(news: () => News): LoadBalancerReport | undefined {
    if (!this.#model && !this.#receipt) return undefined;
    const { backends, partial } = news();
    const worker = this.#live?.proxy.worker;
    const traffic = this.#observer.traffic();
    return {
      id: this.id,
      observedRevision: this.#observedRevision,
      ...(this.#receipt ? { receipt: this.#receipt } : {}),
      backends,
      ...(partial ? { partial } : {}),
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

  #startedAtMs: number | undefined;
  #startedAt(uptimeSeconds: number): string {
    this.#startedAtMs ??= this.#options.clock.now() - uptimeSeconds * 1000;
    return new Date(this.#startedAtMs).toISOString();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#pass();
      if (!this.#isStopping) await this.#wake.wait(LOOK_MS);
    }
    await this.#monitor.end();
    await this.#observer.end();
  }

  /** One look: bring about what is wanted, then see how the backends are. It never throws. */
  async #pass(): Promise<void> {
    const { clock, logger } = this.#options;
    if (!this.#desired) return;
    if (clock.now() >= this.#retryAt) await this.#apply(this.#desired);
    if (this.#live && this.#model && isServing(this.#live.proxy)) {
      try {
        await this.#monitor.look(this.#model, this.#live.proxy, this.#leaving);
        this.#monitor.admit(this.#model);
        this.#observer.tend(this.#live.proxy, this.#model);
        if (this.#told.isDue(clock.now())) this.#options.onChange(false);
      } catch (error) {
        logger.warn({ loadBalancer: this.id, error }, 'cannot read the state of HAProxy');
      }
    }
    const model = this.#model;
    if (model) await this.#guard.look(this.#desired, () => this.#monitor.statuses(model, this.#resolution));
  }

  async #apply(desired: DesiredLoadBalancer): Promise<void> {
    const { clock, binary, machine, layout } = this.#options;
    const startedAt = clock.now();
    const begun = performance.now();
    const resolution = await this.#options.resolver.resolve(desired);
    if (this.#isSettled(desired, resolution, startedAt)) return;
    this.#resolution = resolution;
    const model: ServiceModel = { ...desired, layout, addresses: this.#resolution.addresses };
    const before = this.#model;
    const isNew = desired.revision !== this.#observedRevision;
    try {
      await this.#guard.follow(desired, this.#observedRevision);
      const live = await this.#currentLive(model);
      const states = () => this.#monitor.statuses(before ?? model, resolution);
      if (isNew) await this.#guard.begin(desired, states, live?.proxy);
      this.#forgetNew(live, model);
      const result = await converge(live, model, {
        binary,
        healthOf: (server) => this.#monitor.healthOf(server),
        leaving: this.#leaving,
      });
      if (result.live.proxy.worker.pid !== live?.proxy.worker.pid) this.#startedAtMs = undefined;
      this.#live = result.live;
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
      } else if (result.path !== 'none' || !before) this.#options.onChange(false);
      this.#monitor.admit(model);
    } catch (error) {
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

  /** Whether nothing has happened since the last time that all was as wanted. */
  #isSettled(desired: DesiredLoadBalancer, resolution: Resolution, now: number): boolean {
    const isSame = isDeepStrictEqual(resolution, this.#resolution);
    return desired === this.#applied && isSame && this.#isServing && now < this.#auditAt;
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
      return found ?? live;
    }
    if (now < this.#auditAt) return live;
    this.#auditAt = now + AUDIT_MS;
    const observed = (await observedServers(model)).filter((server) => !this.#leaving.has(serverKey(server)));
    return { ...live, servers: observed, lookups: await observedLookups(model) };
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
