import type { ApiRequest } from '../api/client.ts';
import type { DryRun, LoadBalancer } from '../api/load-balancer.ts';
import { interruption } from './failure.ts';
import { endGuarded } from './guarded-write.ts';
import { renderDryRun } from './output/dry-run.ts';
import { nextStep } from './output/result.ts';
import { getLoadBalancer } from './resources.ts';
import type { CliContext } from './session.ts';
import { waitUntilLive } from './wait/wait.ts';
import { type WriteOptions, guardMs, timeoutMs } from './write-options.ts';
import { printResult, warnOfNoTraffic } from './write-result.ts';

export interface Write {
  request: ApiRequest;
  /** Name of the load balancer, for words. */
  name: string;
  /** The load balancer as it was; `undefined` when the write makes it. */
  before: LoadBalancer | undefined;
  /** What to do when there is no `before`'s id yet: the answer is the load balancer itself. */
  done: 'created' | 'updated' | 'restored';
  /** Called when the change is accepted, before it is waited for. */
  onAccepted?: (() => Promise<void>) | undefined;
}

/** Makes a change of a load balancer, waits until it is live and prints the result; with `--dry-run`, its plan. */
export async function writeLoadBalancer(ctx: CliContext, options: WriteOptions, write: Write): Promise<void> {
  const limit = timeoutMs(options);
  const guard = guardMs(options) === undefined ? undefined : guardOf(ctx, options, write);
  if (options.dryRun) return printDryRun(ctx, write);
  const { lb, revision } = await send(ctx, write, guard);
  await write.onAccepted?.();
  const unchanged = write.before?.revision === revision;
  tellAccepted(ctx, revision, unchanged);
  const done = unchanged ? 'unchanged' : write.done;
  const isGuarded = guard !== undefined && !unchanged;
  if (options.wait === false && !isGuarded) {
    await printResult(ctx, lb, { done, live: true });
    return warnOfNoTraffic(ctx, lb);
  }
  const waited = await waitUntilLive(ctx, {
    lb,
    revision,
    before: write.before,
    timeout: options.timeout,
    timeoutMs: limit,
  });
  if (isGuarded && waited.lb.status.observedRevision >= revision)
    return endGuarded(ctx, options, { lb: waited.lb, before: write.before, revision, done });
  ctx.progress.stop();
  await printResult(ctx, waited.lb, { done, live: waited.lb.status.observedRevision >= revision });
  if (waited.failure) throw waited.failure;
  warnOfNoTraffic(ctx, waited.lb);
  ctx.progress.note(`Next: ${nextStep(waited.lb)}`);
}

/** `--guard` as the request has it; undefined for what cannot be guarded. */
function guardOf({ progress }: CliContext, { guard }: WriteOptions, { before, name }: Write) {
  if (before) return guard;
  progress.warn(`${name} is new, so that there is nothing to restore: it is not guarded`);
  return undefined;
}

/** Prints what a write would do. */
export async function printDryRun(
  ctx: CliContext,
  { request, name }: Pick<Write, 'request' | 'name'>,
): Promise<void> {
  const dryRun = await requestDryRun(ctx, request);
  await ctx.print.object(dryRun, { text: () => renderDryRun(name, dryRun, ctx.print.style), name });
}

export async function requestDryRun(ctx: CliContext, request: ApiRequest): Promise<DryRun> {
  const api = await ctx.api();
  return (await api.request<DryRun>({ ...request, query: { ...request.query, dryRun: true } })).body;
}

async function send(
  ctx: CliContext,
  { request, before }: Write,
  guard: string | undefined,
): Promise<{ lb: LoadBalancer; revision: number }> {
  const api = await ctx.api();
  if (ctx.io.signal.aborted) throw interruption();
  const { body, headers } = await api.request<Partial<LoadBalancer> | undefined>({
    ...request,
    query: { ...request.query, guard },
  });
  if (isLoadBalancer(body)) return { lb: body, revision: body.revision };
  // A write to …/backends is answered with backends; the ETag is the revision that it made.
  const lb = await getLoadBalancer(api, before?.id ?? '');
  const tag = /^"(\d+)"$/.exec(headers.get('etag') ?? '')?.[1];
  return { lb, revision: tag === undefined ? lb.revision : Number(tag) };
}

function isLoadBalancer(body: Partial<LoadBalancer> | undefined): body is LoadBalancer {
  return (
    body?.id !== undefined &&
    body.revision !== undefined &&
    body.spec !== undefined &&
    body.status !== undefined
  );
}

function tellAccepted({ progress }: CliContext, revision: number, unchanged: boolean): void {
  progress.step(`validated ${progress.style('green', '✓')}`);
  progress.step(
    unchanged ? `nothing to change: revision ${revision} says this already` : `revision ${revision}`,
  );
}
