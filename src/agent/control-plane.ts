import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AgentReport, DesiredState } from '../api/agent.ts';
import type { Answers } from '../api/agent-questions.ts';
import { ApiClient } from '../api/client.ts';
import { createHttpSend } from '../api/http-send.ts';

/** How long the control plane may hold an answer back until there is news. */
const LONG_POLL_SECONDS = 25;
/** A connection that has died without a word is noticed by then. */
const TIMEOUT_MS = (LONG_POLL_SECONDS + 10) * 1000;

/** The control plane as an agent sees it. */
export interface ControlPlane {
  /**
   * Asks for what changed since a version, and waits for the next change when there is none.
   * @param isReleasing that something is still being taken off that was to go up to that version
   */
  desired(since: number, isReleasing: boolean, signal: AbortSignal): Promise<DesiredState>;
  report(report: AgentReport): Promise<void>;
  /** The agent's program, packed, as the control plane has it. */
  bundle(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** What somebody wants to know now; waits for a question when there is none. */
  questions(signal: AbortSignal): Promise<unknown>;
  answer(answers: Answers): Promise<void>;
}

export interface ControlPlaneOptions {
  url: string;
  tokenFile: string;
  /** File with the certificate or CA to trust. */
  caFile?: string;
}

/** The API with the agent's credential, which is read each time, because it may be renewed while the agent runs. */
export function agentClient({ url, tokenFile, caFile }: ControlPlaneOptions): () => Promise<ApiClient> {
  const certificate = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  const send = createHttpSend({ certificate });
  return async () => new ApiClient({ url, send, key: (await readFile(tokenFile, 'utf8')).trim() });
}

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const client = agentClient(options);
  const certificate = options.caFile === undefined ? undefined : readFileSync(options.caFile, 'utf8');
  const send = createHttpSend({ certificate });
  return {
    async bundle(signal) {
      const key = (await readFile(options.tokenFile, 'utf8')).trim();
      const url = new URL('/v1/agent/upgrade', options.url);
      const answer = await send(url, { method: 'GET', headers: { authorization: `Bearer ${key}` }, signal });
      if (!answer.ok || !answer.body) throw new Error(`the control plane answers ${answer.status}`);
      return answer.body;
    },
    async desired(since, isReleasing, signal) {
      const { body } = await (
        await client()
      ).request<DesiredState>({
        method: 'GET',
        path: '/v1/agent/desired',
        query: { since, patches: true, wait: LONG_POLL_SECONDS, ...(isReleasing ? { releasing: true } : {}) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      return body;
    },
    async report(report) {
      await (
        await client()
      ).request({
        method: 'POST',
        path: '/v1/agent/report',
        body: report,
        signal: AbortSignal.timeout(10_000),
      });
    },
    async questions(signal) {
      const { body } = await (
        await client()
      ).request<unknown>({
        method: 'GET',
        path: '/v1/agent/questions',
        query: { wait: LONG_POLL_SECONDS },
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      return body;
    },
    async answer(answers) {
      await (
        await client()
      ).request({
        method: 'POST',
        path: '/v1/agent/answers',
        body: answers,
        signal: AbortSignal.timeout(10_000),
      });
    },
  };
}
