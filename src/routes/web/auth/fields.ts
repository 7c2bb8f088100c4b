import { Type } from 'typebox';
import { EMAIL_PATTERN, MAX_EMAIL_LENGTH } from '../../../domain/accounts/email.ts';
import { MAX_ANSWER } from '../../../domain/passkeys/answers.ts';
import type { FieldOptions, FormState } from '../../../plugins/web/forms.ts';

/** Fields shared by the account forms. */

export const emailField = () =>
  Type.String({
    pattern: EMAIL_PATTERN,
    minLength: 1,
    maxLength: MAX_EMAIL_LENGTH,
    messages: { pattern: 'Invalid email address.' },
  } satisfies FieldOptions & Record<string, unknown>);

export const usernameField = () =>
  Type.String({
    pattern: '^[A-Za-z][A-Za-z0-9_.]*$',
    minLength: 1,
    maxLength: 64,
    messages: { pattern: 'Usernames must have only letters, numbers, dots or underscores' },
  } satisfies FieldOptions & Record<string, unknown>);

/** A new password. NIST SP 800-63B asks for a minimum length and advises against rules about kinds of characters. */
export const newPasswordField = () => Type.String({ minLength: 8, maxLength: 128, isSecret: true });

/** A password to compare. It has no rules, because it is either right or wrong. */
export const passwordField = () => Type.String({ minLength: 1, maxLength: 128, isSecret: true });

/** A code from an app, or a recovery code. */
export const codeField = () => Type.String({ minLength: 1, maxLength: 64 });

/** A passkey's answer, as JSON. A script fills it in, so it is empty without JavaScript. */
export const credentialField = () => Type.String({ maxLength: MAX_ANSWER });

/** The message for a refused answer. */
export const wrongPasskey = (answer: string) =>
  answer === '' ? 'Passkeys need JavaScript.' : 'This passkey was not accepted. Please try again.';

export const WRONG_PASSWORD = 'Invalid password.';

export const WRONG_CODE = 'This code is wrong or was already used.';

/** A refused form without the typed values, because no code works twice. */
export const emptied = ({ errors }: FormState): FormState => ({ values: {}, errors });

export const PASSWORDS_DIFFER = 'Passwords must match.';
