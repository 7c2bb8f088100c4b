import { can, Permission, type Standing } from '../../../domain/accounts/roles.ts';
import { redact, redactText } from '../../../queue/index.ts';

/** What somebody may see of payloads and errors: Viewers no addresses, and nobody secrets. */
export function redactionFor(user: Standing | null) {
  const options = { hidesPeople: !can(user, Permission.OPERATE_JOBS) };
  return {
    ...options,
    text: (text: string) => redactText(text, options),
    value: (value: unknown) => redact(value, options),
  };
}
