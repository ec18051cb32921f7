import { createReadStream } from 'node:fs';
import type { agentRoutes } from '../../api/contract/agent.ts';
import { desiredState } from '../agent/desired.ts';
import { keepReport } from '../agent/report.ts';
import type { ServerContext } from '../context.ts';
import { shareAccount } from '../certificates/accounts.ts';
import { publishChallenge, removeChallenge } from '../dns/challenges.ts';
import type { Handlers } from '../http/handler.ts';
import { enrolAgent } from '../machines/enrolment.ts';
import { requireAgentAccess, requireProvisioner } from '../machines/rules.ts';

export function agentHandlers(context: ServerContext): Handlers<typeof agentRoutes> {
  return {
    enrol: async ({ body }) => ({ status: 200, body: await enrolAgent(context, body) }),
    async getInstallScript({ identity, token }) {
      const { url, certificate } = requireAgentAccess(context);
      const machine = identity.kind === 'enrolling' ? identity.name : '';
      const script = requireProvisioner(context).installScript({ url: url(), certificate, token, machine });
      return { status: 200, headers: { 'content-type': 'text/x-shellscript; charset=utf-8' }, body: script };
    },
    async getAgentBundle() {
      const path = await requireProvisioner(context).bundle();
      const headers = { 'content-type': 'application/gzip' };
      return { status: 200, headers, stream: createReadStream(path) };
    },
    async getAgentUpgrade() {
      const bundle = context.wantedAgent?.present() ?? (await context.wantedAgent?.prepare());
      const path = bundle?.path ?? (await requireProvisioner(context).bundle());
      const headers = { 'content-type': 'application/gzip' };
      return { status: 200, headers, stream: createReadStream(path) };
    },
    async getDesiredState({ query, identity }) {
      const machineId = identity.kind === 'machine' ? identity.id : '';
      const body = await desiredState(context, machineId, {
        since: query.since,
        patches: query.patches,
        isReleasing: query.releasing,
        waitMs: query.wait * 1000,
      });
      return { status: 200, body };
    },
    async reportState({ body, identity }) {
      await keepReport(context, identity.kind === 'machine' ? identity.id : '', body);
      return { status: 204 };
    },
    async getQuestions({ query, identity, signal }) {
      const over = AbortSignal.any([signal, context.closing]);
      const machineId = identity.kind === 'machine' ? identity.id : '';
      const questions = await context.questions.take(machineId, query.wait * 1000, over);
      return { status: 200, body: { questions } };
    },
    async answerQuestions({ body, identity }) {
      if (identity.kind === 'machine') context.questions.answer(identity.id, body.answers);
      return { status: 204 };
    },
    async shareAccount({ params, body, identity }) {
      const machineId = identity.kind === 'machine' ? identity.id : '';
      const account = await shareAccount(context, machineId, params.loadBalancer, body);
      return { status: 200, body: { account } };
    },
    async publishChallenge({ body, identity }) {
      await publishChallenge(context, identity.kind === 'machine' ? identity.id : '', body);
      return { status: 204 };
    },
    async removeChallenge({ params, identity }) {
      await removeChallenge(context, identity.kind === 'machine' ? identity.id : '', params);
      return { status: 204 };
    },
  };
}
