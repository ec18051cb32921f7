import type { agentRoutes } from '../../api/contract/agent.ts';
import { desiredState } from '../agent/desired.ts';
import { keepReport } from '../agent/report.ts';
import type { ServerContext } from '../context.ts';
import { publishChallenge, removeChallenge } from '../dns/challenges.ts';
import type { Handlers } from '../http/handler.ts';

export function agentHandlers(context: ServerContext): Handlers<typeof agentRoutes> {
  return {
    async getDesiredState({ query, identity }) {
      const machineId = identity.kind === 'machine' ? identity.id : '';
      const body = await desiredState(context, machineId, {
        since: query.since,
        patches: query.patches,
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
