import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { readCertbotFailure } from '../../../certificates/certbot-failure.ts';
import { isoTime } from '../../../certificates/iso-time.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import type { Authority } from '../authority/authority.ts';
import { FindingError } from '../finding-error.ts';
import { type AccountPaths, accountPaths } from '../paths.ts';
import type { AcmeSettings } from '../settings.ts';
import { closeRun, configFile, prepareRun, startRun } from './run.ts';
import { createRegistrationBackoff } from './registration.ts';
import { backUp, copyAccount, installAccount, readAccount, readThumbprint } from './account-files.ts';
import { type AccountExchange, createSharedAccount } from './shared-account.ts';

/** How an account came to be; kept beside its key. */
interface AccountAbout {
  server: string;
  email: string | null;
  registeredAt: string;
  /** The terms that were agreed to, as the CA names them. */
  termsOfService: string | null;
}

/** The account with the CA: made once, kept, and copied in case that the disk forgets it. */
export interface Account {
  /** Reads what is on the disk, the copy if the account itself cannot be read. */
  load(): Promise<void>;
  /** By which answers to challenges are ours; undefined before there is an account. */
  thumbprint(): string | undefined;
  /** Makes the account if there is none. @throws FindingError */
  ensure(): Promise<string>;
  /** Puts a copy of it where certbot looks. */
  copyTo(configDirectory: string): Promise<void>;
  /**
   * Sets an account aside that the CA does not know any more, so that the next `ensure` makes another.
   * @returns false when it is too young for that: something else is wrong then
   */
  discard(thumbprint: string): Promise<boolean>;
  /**
   * The nodes of a load balancer use one account: the one that the first of them has. An account that is there is agreed on
   * at once, in the background; else that happens before one is made.
   */
  shareWith(loadBalancerId: string): void;
  /** Forgets the accounts with all CAs: the machine is given back, and whoever has it next has an account of its own. */
  leave(): Promise<void>;
}

export interface AccountOptions {
  root: string;
  settings: AcmeSettings;
  authority: Authority;
  clock: Clock;
  /** Source of randomness in [0, 1). */
  random(): number;
  logger: Logger;
  /** Called when there is another thumbprint. */
  onChange(): void;
  /** How nodes agree on one account; absent where each has its own. */
  exchange?: AccountExchange | undefined;
}

const LIMIT_SECONDS = 120;
/** CAs limit how often accounts may be made. */
const YOUNGEST_TO_DISCARD_MS = 3_600_000;

export function createAccount(options: AccountOptions): Account {
  const { root, settings, authority, clock, logger, random, onChange } = options;
  const paths = accountPaths(root, settings.server);
  const backoff = createRegistrationBackoff(paths.refusal, settings, clock, random);
  const shared = createSharedAccount(settings.server, options.exchange, logger);
  let known: string | undefined;
  let making: Promise<string> | undefined;
  let leaving = Promise.resolve();

  const learn = (thumbprint: string | undefined) => {
    if (thumbprint === known) return;
    known = thumbprint;
    onChange();
  };
  const load = async () => learn((await readThumbprint(paths.config)) ?? (await restore(paths, logger)));
  const agree = async () => {
    const account = await shared.agree(await readAccount(paths));
    if (!account) return;
    await installAccount(paths, settings.server, account);
    await backUp(paths);
    learn(await readThumbprint(paths.config));
  };
  const make = async (): Promise<string> => {
    await load();
    await agree();
    if (known !== undefined) return known;
    // Asked first: a CA that cannot be reached has refused nothing.
    await authority.directory();
    const about = await backoff.run(() => register(paths, options));
    const made = await readThumbprint(paths.config);
    if (made === undefined)
      throw new FindingError({ code: 'certbot_failed', detail: 'no account was written down' });
    await writeFileAtomic(paths.about, `${JSON.stringify(about, null, 2)}\n`);
    await backUp(paths);
    learn(made);
    // Another node may have made one at the same time, and been first.
    await agree();
    return known ?? made;
  };

  const ensure = (): Promise<string> => {
    making ??= leaving.then(make).finally(() => (making = undefined));
    return making;
  };

  return {
    load,
    thumbprint: () => known,
    ensure,
    async copyTo(configDirectory) {
      await copyAccount(paths.config, configDirectory);
    },
    async discard(thumbprint) {
      // Another order may have met the same and made a new one meanwhile.
      if (thumbprint !== known) return true;
      const age = clock.now() - (await registeredAt(paths));
      if (age < YOUNGEST_TO_DISCARD_MS) return false;
      const gone = await readAccount(paths);
      if (gone) shared.forget(gone.id);
      const suffix = `.gone-${isoTime(clock.now()).replaceAll(':', '')}`;
      await rename(paths.directory, `${paths.directory}${suffix}`);
      await rm(paths.backup, { recursive: true, force: true });
      learn(undefined);
      return true;
    },
    shareWith(loadBalancerId) {
      if (!shared.shareWith(loadBalancerId) || known === undefined) return;
      ensure().catch((error: unknown) =>
        logger.warn({ error: messageOf(error) }, 'the account could not be shared'),
      );
    },
    leave() {
      const before = making;
      const clear = async () => {
        // One that is just being made is forgotten with the others.
        await before?.catch(() => undefined);
        for (const each of [paths.directory, paths.backup])
          await rm(dirname(each), { recursive: true, force: true });
        learn(undefined);
      };
      making = undefined;
      shared.leave();
      leaving = leaving.then(clear, clear);
      return leaving;
    },
  };
}

async function register(
  paths: AccountPaths,
  { settings, authority, clock }: AccountOptions,
): Promise<AccountAbout> {
  const { meta } = await authority.directory();
  if (meta?.externalAccountRequired && !settings.eab)
    throw new FindingError({ code: 'eab_required', detail: '' });
  const config = settings.eab
    ? `eab-kid = ${settings.eab.kid}\neab-hmac-key = ${await readHmacKey(settings.eab.hmacKeyFile)}\n`
    : '';
  const contact =
    settings.email === undefined
      ? ['--register-unsafely-without-email']
      : ['--email', settings.email, '--no-eff-email'];
  const place = join(paths.directory, 'registration');
  await prepareRun(place);
  const run = await startRun(place, {
    settings,
    args: ['register', ...contact],
    config,
    limitSeconds: LIMIT_SECONDS,
  });
  const end = await run.end;
  await closeRun(place);
  // It holds the key that binds the account; the log stays when it has failed.
  await rm(configFile(place));
  if (end.code !== 0) throw new FindingError(readCertbotFailure(end, clock.now()));
  await rm(paths.config, { recursive: true, force: true });
  await rename(join(place, 'config'), paths.config);
  await rm(place, { recursive: true, force: true });
  return {
    server: settings.server,
    email: settings.email ?? null,
    registeredAt: isoTime(clock.now()),
    termsOfService: meta?.termsOfService ?? null,
  };
}

async function readHmacKey(file: string): Promise<string> {
  const key = (await readFile(file, 'utf8')).trim();
  if (!/^[A-Za-z0-9_=-]+$/.test(key))
    throw new FindingError({ code: 'eab_refused', detail: `${file} holds no base64url text` });
  return key;
}

async function restore(paths: AccountPaths, logger: Logger): Promise<string | undefined> {
  const thumbprint = await readThumbprint(join(paths.backup, 'config'));
  if (thumbprint === undefined) return undefined;
  logger.warn({ account: paths.directory }, 'the ACME account cannot be read; its copy takes its place');
  await rm(paths.directory, { recursive: true, force: true });
  await mkdir(paths.directory, { recursive: true, mode: 0o700 });
  await cp(paths.backup, paths.directory, { recursive: true });
  return thumbprint;
}

async function registeredAt(paths: AccountPaths): Promise<number> {
  try {
    const about = JSON.parse((await readTextIfExists(paths.about)) ?? '') as AccountAbout;
    return Date.parse(about.registeredAt) || 0;
  } catch (error) {
    // An account of unknown age is as good as an old one.
    if (error instanceof SyntaxError) return 0;
    throw new Error(`cannot read ${paths.about}: ${messageOf(error)}`, { cause: error });
  }
}
