import { z } from 'zod';
import { AgentReport, MAX_AGENT_WAIT_S } from '../agent.ts';
import { EnrolInput, Enrolled } from '../machines.ts';
import { Answers, Questions } from '../agent-questions.ts';
import { Challenge } from '../dns-zones.ts';
import { Switch, nameOrId } from './parts.ts';
import { AccountOffer, SharedAccount } from '../acme-accounts.ts';
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
  enrol: {
    method: 'POST',
    path: '/v1/agent/enrol',
    tag: 'Agent',
    summary: 'Enrol an agent',
    description:
      'Gives the credential that the agent has made for itself to the machine of the token. The token is good for ten minutes and for one credential; the same one may be sent again, so that a lost answer does no harm.',
    role: 'public',
    body: { schema: EnrolInput },
    problems: [403],
    responses: { 200: { description: 'It is the machine’s credential now.', schema: Enrolled } },
  },
  getInstallScript: {
    method: 'GET',
    path: '/v1/agent/install',
    tag: 'Agent',
    summary: 'The script that makes a machine ready',
    description:
      'For a machine that the control plane cannot log in to. The bearer token is the one with which its agent will enrol.',
    role: 'enrol',
    responses: {
      200: {
        description: 'A script for sh, to be run as root.',
        schema: z.string(),
        contentType: 'text/x-shellscript',
      },
    },
  },
  getAgentBundle: {
    method: 'GET',
    path: '/v1/agent/bundle',
    tag: 'Agent',
    summary: 'The agent’s program',
    description:
      'As the install script fetches it. The bearer token is the one with which the agent will enrol.',
    role: 'enrol',
    responses: {
      200: { description: 'A .tar.gz.', schema: z.string(), contentType: 'application/gzip' },
    },
  },
  getAgentUpgrade: {
    method: 'GET',
    path: '/v1/agent/upgrade',
    tag: 'Agent',
    summary: 'The agent’s program, for an agent',
    description: 'As an agent fetches it that is to be upgraded. Its checksum is in the desired state.',
    role: 'agent',
    responses: {
      200: { description: 'A .tar.gz.', schema: z.string(), contentType: 'application/gzip' },
    },
  },
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
      releasing: Switch.describe(
        '`true`: something that was to go up to `since` is still being taken off. Default: false.',
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
  shareAccount: {
    method: 'POST',
    path: '/v1/agent/load-balancers/{loadBalancer}/account',
    tag: 'Agent',
    summary: 'Agree on the account with a CA',
    description:
      'The nodes of a load balancer use one, so that each of them answers the challenges of all: the first that was offered.',
    role: 'agent',
    params: z.strictObject({ loadBalancer: nameOrId }),
    body: { schema: AccountOffer },
    problems: [404],
    responses: { 200: { description: 'The account to use.', schema: SharedAccount } },
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
