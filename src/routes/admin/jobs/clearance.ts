import { can, Permission, type Standing } from '../../../domain/accounts/roles.ts';
import { redact, redactText } from '../../../queue/index.ts';

/** Redacts payloads and errors for a user. Nobody sees secrets, and Viewers see no addresses. */
export function redactionFor(user: Standing | null) {
  const options = { hidesPeople: !can(user, Permission.OPERATE_JOBS) };
  return {
    ...options,
    text: (text: string) => redactText(text, options),
    value: (value: unknown) => redact(value, options),
  };
}
