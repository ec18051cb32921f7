import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ApiClient } from '../api/client.ts';
import { createHttpSend } from '../api/http-send.ts';
import { Enrolled } from '../api/machines.ts';
import { createBackoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';

export interface EnrolmentOptions {
  /** The control plane. */
  url: string;
  /** File with the token to enrol with; it is gone when it has been used. */
  enrolFile: string;
  /** File that gets the credential. */
  tokenFile: string;
  /** File with the certificate of the control plane. */
  caFile?: string | undefined;
  clock: Clock;
  logger: Logger;
  /** Called with the control plane to which the agent belongs from now on, before the token is forgotten. */
  onEnrolled(controlPlaneId: string): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/**
 * Gets the agent its credential, once. The agent makes the credential itself and the control plane hears its hash alone;
 * both files are on the disk until all is done, so that after a crash or a lost answer the same is simply asked again.
 * It tries until the control plane answers. A token that is refused is an error only for an agent without a credential.
 */
export async function enrol(options: EnrolmentOptions, signal: AbortSignal): Promise<void> {
  const { enrolFile, tokenFile, logger } = options;
  const token = (await readTextIfExists(enrolFile))?.trim();
  const present = await readTextIfExists(tokenFile);
  if (token === undefined || token === '') {
    if (present !== undefined) return;
    throw new AppError(
      'invalid_request',
      `there is neither a token in ${enrolFile} nor a credential in ${tokenFile}`,
      { hint: 'Get the machine a new token: agentmetal machine retry NAME' },
    );
  }
  const pendingFile = `${tokenFile}.new`;
  const credential = await pendingCredential(pendingFile, token);
  try {
    const answer = await ask(options, { token, credential }, signal);
    if (!answer) return;
    await writeFileAtomic(tokenFile, `${credential}\n`);
    await options.onEnrolled(answer.controlPlaneId);
    logger.info({ machine: answer.machine }, 'enrolled');
  } catch (error) {
    if (present === undefined || !isRefusal(error)) throw error;
    logger.warn({ error: messageOf(error) }, 'the token is refused; going on with the credential of before');
  }
  await rm(enrolFile, { force: true });
  await rm(pendingFile, { force: true });
}

/** The credential for a token: the one that was made for it before, if there is one. */
async function pendingCredential(file: string, token: string): Promise<string> {
  const [made, credential] = (await readTextIfExists(file))?.trim().split(' ') ?? [];
  if (made === sha256(token) && credential !== undefined) return credential;
  const fresh = `amt_${randomBytes(32).toString('base64url')}`;
  await writeFileAtomic(file, `${sha256(token)} ${fresh}\n`);
  return fresh;
}

/** Asks until there is an answer; undefined when it is broken off. */
async function ask(
  { url, caFile, clock, logger }: EnrolmentOptions,
  { token, credential }: { token: string; credential: string },
  signal: AbortSignal,
): Promise<Enrolled | undefined> {
  const certificate = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  // Nobody is known to the control plane yet: the token in the body is all there is.
  const client = new ApiClient({ url, send: createHttpSend({ certificate }), key: '' });
  const backoff = createBackoff({ initialMs: 200, maxMs: 5000, random: Math.random });
  const body = { token, credentialHash: sha256(credential) };
  while (!signal.aborted) {
    try {
      const over = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const answer = await client.request({ method: 'POST', path: '/v1/agent/enrol', body, signal: over });
      return Enrolled.parse(answer.body);
    } catch (error) {
      if (isRefusal(error)) throw error;
      if (signal.aborted) return undefined;
      logger.warn({ error: messageOf(error) }, 'the control plane does not take this machine in yet');
      await clock.sleep(backoff.next(), signal);
    }
  }
  return undefined;
}

function isRefusal(error: unknown): boolean {
  return error instanceof AppError && error.code === 'enrolment_refused';
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
