import { z } from 'zod';
import { AgentReport, MAX_AGENT_WAIT_S } from '../agent.ts';
import { Answers, Questions } from '../agent-questions.ts';
import { Challenge } from '../dns-zones.ts';
import { Switch } from './parts.ts';
import { defineRoutes } from './route.ts';

/** A report of some ten thousand backends is larger than a user's request may be. */
const REPORT_LIMIT = 64 * 1024 * 1024;

const wait = z.coerce
  .number()
  .min(0)
  .max(MAX_AGENT_WAIT_S)
  .default(0)
  .describe('Seconds to wait. Default: 0.');

export const agentRoutes = defineRoutes({
  getDesiredState: {
    method: 'GET',
    path: '/v1/agent/desired',
    tag: 'Agent',
    summary: 'What the machine should serve',
    description:
      'Answers at once when something changed after `since`, otherwise when it does or the wait is over.',
    role: 'agent',
    query: z.strictObject({
      since: z.coerce
        .number()
        .int()
        .min(0)
        .default(0)
        .describe('`version` of the last answer. Default: 0, for all.'),
      patches: Switch.describe(
        '`true`: specs that the agent has may be told as what differs since. Default: false.',
      ),
      wait,
    }),
    responses: { 200: { description: 'The desired state.' } },
  },
  reportState: {
    method: 'POST',
    path: '/v1/agent/report',
    tag: 'Agent',
    summary: 'What the machine serves',
    description: 'Receipts and health. Load balancers that are not on the machine are ignored.',
    role: 'agent',
    body: { schema: AgentReport },
    bodyLimit: REPORT_LIMIT,
    responses: { 204: { description: 'It was kept.' } },
  },
  getQuestions: {
    method: 'GET',
    path: '/v1/agent/questions',
    tag: 'Agent',
    summary: 'What somebody wants to know of the machine now',
    description: 'Answers at once when there is a question, otherwise when there is or the wait is over.',
    role: 'agent',
    query: z.strictObject({ wait }),
    responses: { 200: { description: 'The questions.', schema: Questions } },
  },
  answerQuestions: {
    method: 'POST',
    path: '/v1/agent/answers',
    tag: 'Agent',
    summary: 'Answer questions',
    description: 'Answers that nobody waits for any more are ignored.',
    role: 'agent',
    body: { schema: Answers },
    bodyLimit: REPORT_LIMIT,
    responses: { 204: { description: 'They were passed on.' } },
  },
  publishChallenge: {
    method: 'POST',
    path: '/v1/agent/challenges',
    tag: 'Agent',
    summary: 'Publish a challenge of DNS-01',
    description:
      'Adds the TXT record to the DNS zone that covers the domain, beside those that are there. The domain must be one of a load balancer on the machine.',
    role: 'agent',
    body: { schema: Challenge },
    problems: [404, 502],
    responses: { 204: { description: 'The provider has it.' } },
  },
  removeChallenge: {
    method: 'DELETE',
    path: '/v1/agent/challenges/{name}/{value}',
    tag: 'Agent',
    summary: 'Remove a challenge of DNS-01',
    description: 'Removes that TXT record alone. One that is not there is no fault.',
    role: 'agent',
    params: Challenge,
    problems: [404, 502],
    responses: { 204: { description: 'It is gone.' } },
  },
});
