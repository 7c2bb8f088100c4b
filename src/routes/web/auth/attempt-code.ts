import type { FastifyRequest } from 'fastify';
import { findKnownBrowser } from '../../../domain/sessions/log-in.ts';
import { isAppCode } from '../../../domain/two-factor/use-code.ts';
import { sessionOf } from '../../../plugins/web/session.ts';

/**
 * Attempts a second factor, and counts the attempt. Recovery codes are counted separately, so somebody who knows the password
 * cannot lock the owner out by guessing codes of the app.
 *
 * @param use uses the code; returns false or undefined if it is wrong
 * @throws TooManyRequests if no attempts are left
 */
export async function attemptCode<Result>(
  request: FastifyRequest,
  { userId, code }: { userId: number; code: string },
  use: () => Promise<Result>,
): Promise<Result> {
  const { db, rateLimits } = request.server;
  const action = isAppCode(code) ? 'code' : 'recoveryCode';
  const device = await findKnownBrowser(db, userId, sessionOf(request).browsers);
  const actor = { account: userId, address: request.ip, device };
  await rateLimits.consume(action, actor);
  const result = await use();
  if (result) await rateLimits.forgive(action, actor);
  return result;
}
