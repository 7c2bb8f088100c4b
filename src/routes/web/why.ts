import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Why } from '../../domain/security-events/record.ts';
import { DomainError } from '../../errors.ts';

const WhyForm = Type.Object({ reason: Type.String({ maxLength: 500 }) });

/**
 * Reads why a moderator acts, for actions that need no reason.
 *
 * @throws DomainError `invalid-reason`
 */
export function whyFrom(request: FastifyRequest): Why {
  const { data, state } = request.readForm(WhyForm);
  if (data === undefined)
    throw new DomainError('invalid-reason', `The reason is invalid. ${state.errors.reason}`);
  return data.reason === '' ? {} : { reason: data.reason };
}
