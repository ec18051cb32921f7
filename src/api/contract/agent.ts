import { z } from 'zod';
import { AgentReport, MAX_AGENT_WAIT_S } from '../agent.ts';
import { defineRoutes } from './route.ts';

/** A report of some ten thousand backends is larger than a user's request may be. */
const REPORT_LIMIT = 64 * 1024 * 1024;

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
      wait: z.coerce
        .number()
        .min(0)
        .max(MAX_AGENT_WAIT_S)
        .default(0)
        .describe('Seconds to wait. Default: 0.'),
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
});
