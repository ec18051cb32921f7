import type { ApiClient } from '../../api/client.ts';
import type { LoadBalancer } from '../../api/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import type { Receipt } from '../../spec/plan.ts';
import { type CliFailure, interruption } from '../failure.ts';
import { getLoadBalancer, getRevision } from '../resources.ts';
import type { CliContext } from '../session.ts';
import { type Narrator, createNarrator } from './narrate.ts';
import { applyFailure, degradation, isSettled, waitTimeout } from './verdict.ts';

/** A change is live in well under a second as a rule, so the first looks are close together. */
const FIRST_POLL_MS = 100;
const POLL_MS = 250;
const FIRST_POLLS = 10;

export interface WaitOptions {
  lb: LoadBalancer;
  revision: number;
  /** The load balancer before the change, where there was one. */
  before: LoadBalancer | undefined;
  /** How long to wait, as the user wrote it and in milliseconds. */
  timeout: string;
  timeoutMs: number;
}

/** How it stands at the end, and what is not well. */
export interface Waited {
  lb: LoadBalancer;
  failure: CliFailure | undefined;
}

/** Waits until a revision is live on every node and its backends have answered, telling each step on stderr. */
export async function waitUntilLive(ctx: CliContext, options: WaitOptions): Promise<Waited> {
  const { io, progress } = ctx;
  const api = await ctx.api();
  const deadline = io.now() + options.timeoutMs;
  const watch: Watch = { ...options, narrator: createNarrator(progress, options.before) };
  for (let polls = 0; ; polls += 1) {
    progress.waiting(`waiting for revision ${watch.revision} of ${watch.lb.name}`);
    const ended = await look(ctx, api, watch);
    if (ended) return ended;
    if (io.now() >= deadline)
      return { lb: watch.lb, failure: waitTimeout(watch.lb, watch.revision, options.timeout) };
    await io.sleep(polls < FIRST_POLLS ? FIRST_POLL_MS : POLL_MS, io.signal);
    if (io.signal.aborted) throw interruption(`The change goes on: agentmetal lb show ${watch.lb.name}`);
  }
}

interface Watch extends WaitOptions {
  narrator: Narrator;
}

/** One look at how far it is. */
async function look(ctx: CliContext, api: ApiClient, watch: Watch): Promise<Waited | undefined> {
  const seen = await observe(api, watch);
  if (!seen) return undefined;
  const { lb, receipts } = seen;
  watch.lb = lb;
  watch.narrator.receipts(receipts);
  watch.narrator.lack(lb);
  if (lb.status.observedRevision >= watch.revision) {
    watch.narrator.backends(lb);
    return isSettled(lb, watch.before) ? { lb, failure: degradation(lb, watch.revision) } : undefined;
  }
  const failed = receipts.find(({ outcome }) => outcome === 'failed');
  if (failed) return { lb, failure: applyFailure(lb, failed) };
  if (lb.revision > watch.revision && receipts.length === 0) {
    ctx.progress.step(`revision ${lb.revision} has overtaken it`);
    watch.revision = lb.revision;
  }
  return undefined;
}

/** The load balancer and the receipts of the revision; `undefined` while the control plane is away. */
async function observe(
  api: ApiClient,
  { lb, revision, before }: Watch,
): Promise<{ lb: LoadBalancer; receipts: Receipt[] } | undefined> {
  try {
    const unchanged = before?.revision === revision;
    const [now, made] = await Promise.all([
      getLoadBalancer(api, lb.id),
      unchanged ? undefined : getRevision(api, lb.id, revision),
    ]);
    return { lb: now, receipts: made?.receipts ?? [] };
  } catch (error) {
    // The change is accepted; a control plane that restarts meanwhile does not undo it.
    if (error instanceof AppError && error.code === 'unavailable') return undefined;
    throw error;
  }
}
