import type { ApiClient } from '../../api/client.ts';
import type { LoadBalancer } from '../../api/load-balancer.ts';
import { AppError } from '../../base/errors.ts';
import { CliFailure, EXIT, interruption } from '../failure.ts';
import { poolFlag } from '../pools.ts';
import { getLoadBalancer } from '../resources.ts';
import type { CliContext } from '../session.ts';

/** Agents tell how many are open every ten seconds, and at once when something changes. */
const POLL_MS = 1000;

export interface Draining {
  /** Name or id of the load balancer. */
  name: string;
  pool: string;
  targets: readonly string[];
  /** How long to wait, as the user wrote it and in milliseconds. */
  max: string;
  maxMs: number;
}

/** Waits until nothing is open on the backends any more, telling on stderr how much there still is. */
export async function waitUntilDrained(ctx: CliContext, draining: Draining): Promise<void> {
  const { io, progress } = ctx;
  const api = await ctx.api();
  const deadline = io.now() + draining.maxMs;
  let first: LoadBalancer | undefined;
  let told = '';
  for (;;) {
    const lb = await observe(api, draining.name);
    first ??= lb;
    const left = lb && first ? leftOn(lb, first, draining) : undefined;
    const text = left === undefined ? told : leftText(left);
    if (text !== told) progress.step(text);
    told = text;
    if (left?.every(({ open }) => open === 0)) return progress.stop();
    if (io.now() >= deadline) throw stillOpen(draining, told);
    progress.waiting('waiting until nothing is open any more');
    await io.sleep(POLL_MS, io.signal);
    if (io.signal.aborted) throw interruption(`The backends drain on: agentmetal lb health ${draining.name}`);
  }
}

interface Left {
  target: string;
  /** Requests or connections that are open; undefined while no report tells. */
  open: number | undefined;
}

/**
 * What is open on each backend, on all nodes. That nothing is open counts once every node has reported anew: the report
 * with which the draining began may have looked a moment before.
 */
function leftOn(lb: LoadBalancer, first: LoadBalancer, { pool, targets }: Draining): Left[] {
  const reportedAt = new Map(first.status.nodes.map(({ machine, lastReportAt }) => [machine, lastReportAt]));
  const isFresh = (machine: string) => {
    const now = lb.status.nodes.find((node) => node.machine === machine)?.lastReportAt;
    return now !== undefined && now !== reportedAt.get(machine);
  };
  return targets.map((text) => {
    const target = text.toLowerCase();
    const seen = lb.status.backends.filter((each) => each.pool === pool && each.target === target);
    const opens = seen.map(({ sessions, state, machine }) => {
      const open = sessions ?? (state === 'unresolved' ? 0 : undefined);
      return open === 0 && !isFresh(machine) ? undefined : open;
    });
    return { target, open: opens.some((open) => open === undefined) ? knownSum(opens) : sum(opens) };
  });
}

/** With a node that has not told yet, what the others tell is worth saying, but not that there is nothing. */
function knownSum(opens: readonly (number | undefined)[]): number | undefined {
  return sum(opens) || undefined;
}

function sum(opens: readonly (number | undefined)[]): number {
  return opens.reduce<number>((total, open) => total + (open ?? 0), 0);
}

function leftText(left: readonly Left[]): string {
  return left
    .filter(({ open }) => open !== undefined)
    .map(({ target, open = 0 }) => `${target}: ${open === 0 ? 'nothing' : countText(open)} left`)
    .join('; ');
}

function countText(open: number): string {
  return `${open} ${open === 1 ? 'request or connection' : 'requests or connections'}`;
}

function stillOpen({ name, pool, targets, max }: Draining, told: string): CliFailure {
  const what = told === '' ? 'no node has told what is open' : told;
  return new CliFailure(EXIT.waitTimedOut, 'wait_timeout', `not drained after ${max}: ${what}`, {
    hint: `They go on. Wait further: agentmetal lb backend drain ${name} ${targets.join(' ')}${poolFlag(pool)} --wait`,
  });
}

/** The load balancer; `undefined` while the control plane is away, which drains on all the same. */
async function observe(api: ApiClient, name: string): Promise<LoadBalancer | undefined> {
  try {
    return await getLoadBalancer(api, name);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') return undefined;
    throw error;
  }
}
