import type { FastifyInstance } from 'fastify';
import { AppError, messageOf, systemCode } from '../base/errors.ts';
import type { ListenAddress } from './config.ts';

/** Has a server listen, or says why it cannot. */
export async function startListening(
  app: FastifyInstance,
  { host, port }: ListenAddress,
  setting: string,
): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw cannotListen(`${host}:${port}`, setting, error);
  }
}

/** The port on which a server listens; undefined before it does. */
export function boundPortOf(app: FastifyInstance): number | undefined {
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : undefined;
}

function cannotListen(where: string, setting: string, error: unknown): AppError {
  const taken = systemCode(error) === 'EADDRINUSE';
  const detail = taken
    ? `${where} is in use by another process`
    : `cannot listen on ${where}: ${messageOf(error)}`;
  return new AppError('unavailable', detail, {
    hint: `Stop the other process or choose another address with ${setting}.`,
    cause: error,
  });
}
