import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { OnceResult } from '../../domain/idempotency.ts';

/** The header of requests that clients may repeat. */
export const WithIdempotencyKey = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'Any unique string. A request repeated with the same key within 24 hours is not executed again.',
    }),
  ),
});

/**
 * Answers a request that has created something. A kept answer is sent unchanged, because one from an earlier release may lack
 * fields that the route's schema requires.
 */
export function sendCreated(
  reply: FastifyReply,
  { answer, isRepetition }: OnceResult<{ readonly url: string }>,
): FastifyReply {
  if (isRepetition) reply.header('idempotency-replayed', 'true').serializer(JSON.stringify);
  return reply.code(201).header('location', answer.url).send(answer);
}
