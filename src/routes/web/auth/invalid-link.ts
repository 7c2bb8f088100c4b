import { DomainError } from '../../../errors.ts';

/** The error for a mailed link that was used, has expired or is made up. */
export function invalidLink(): DomainError {
  return new DomainError('not-found', 'That link is invalid or has expired.');
}
