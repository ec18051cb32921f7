import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { readCertbotFailure } from '../../../certificates/certbot-failure.ts';
import { bundleFault } from '../../../certificates/issued.ts';
import type { Finding, ReasonCode } from '../../../certificates/reason.ts';
import { readTextIfExists } from '../../../host/files.ts';
import { hookCommand } from '../challenges/hook.ts';
import { findingOf } from '../finding-error.ts';
import { checkRoom } from '../preflight/room.ts';
import type { AcmeSettings } from '../settings.ts';
import type { Account } from './account.ts';
import { type Run, prepareRun, startRun } from './run.ts';

/** What an order came to. */
export type OrderResult = { ok: true; chain: string; key: string } | { ok: false; finding: Finding };

export interface OrderOptions {
  name: string;
  challenge: 'http' | 'dns';
  /** Folder of the order. */
  directory: string;
  settings: AcmeSettings;
  account: Account;
  /** Seconds after which certbot is ended. */
  limitSeconds: number;
}

/** Ends of which certbot has not said the cause. */
const UNEXPLAINED: ReadonlySet<ReasonCode> = new Set(['bundle_invalid', 'certbot_failed', 'interrupted']);

/** What certbot calls the certificate; each order has a folder of its own, so that there is no other. */
const LINEAGE = 'certificate';

/** Has certbot place an order. HAProxy answers the challenge by itself, so that the hook for HTTP has nothing to do. */
export async function placeOrder({
  name,
  challenge,
  directory,
  settings,
  account,
  limitSeconds,
}: OrderOptions): Promise<Run> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  await prepareRun(directory);
  await account.copyTo(join(directory, 'config'));
  const hooks =
    challenge === 'http'
      ? ['--manual-auth-hook', '/bin/true']
      : ['--manual-auth-hook', hookCommand('publish'), '--manual-cleanup-hook', hookCommand('remove')];
  return startRun(directory, {
    settings,
    limitSeconds,
    args: [
      'certonly',
      '--cert-name',
      LINEAGE,
      '--domain',
      name,
      '--key-type',
      'ecdsa',
      '--manual',
      '--preferred-challenges',
      challenge,
      ...hooks,
    ],
  });
}

/** Looks at what a run has left when it has ended: a certificate counts whatever the run said of itself. */
export async function collectOrder(
  run: Run,
  { name, directory, clock }: { name: string; directory: string; clock: Clock },
): Promise<OrderResult> {
  const end = await run.end;
  const now = clock.now();
  const live = join(directory, 'config', 'live', LINEAGE);
  const chain = await readTextIfExists(join(live, 'fullchain.pem'));
  const key = await readTextIfExists(join(live, 'privkey.pem'));
  const fault = chain === undefined || key === undefined ? 'none' : bundleFault(chain, key, name, now);
  if (chain !== undefined && key !== undefined && fault === undefined) return { ok: true, chain, key };
  const finding: Finding =
    end.code === 0 && fault !== undefined
      ? { code: 'bundle_invalid', detail: fault }
      : readCertbotFailure(end, now);
  // On a full disk nothing was left that says so.
  const room = UNEXPLAINED.has(finding.code) ? await checkRoom(directory).catch(findingOf) : undefined;
  return { ok: false, finding: room ?? finding };
}
