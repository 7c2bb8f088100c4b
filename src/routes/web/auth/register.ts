import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { weaknessOf } from '../../../domain/accounts/password-rules.ts';
import { register } from '../../../domain/accounts/register.ts';
import { isReservedName } from '../../../domain/accounts/reserved-names.ts';
import { MAX_REASON_LENGTH } from '../../../domain/joining/apply.ts';
import { ageOfForm, stampForm } from '../../../domain/joining/form-stamp.ts';
import { isInvitationOpen } from '../../../domain/joining/invite.ts';
import type { SiteSettings } from '../../../domain/site/settings.ts';
import { DomainError } from '../../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { emailField, newPasswordField, PASSWORDS_DIFFER, passwordField, usernameField } from './fields.ts';
import { invalidLink } from './invalid-link.ts';

const RegisterForm = Type.Object({
  email: emailField(),
  username: usernameField(),
  password: newPasswordField(),
  password2: passwordField(),
  /** Why they want to join, if a moderator decides. */
  reason: Type.String({ maxLength: MAX_REASON_LENGTH }),
  /** A honeypot: people do not see it. */
  homepage: Type.String(),
  /** When the form was shown. */
  shown: Type.String({ maxLength: 100 }),
});

const NAME_RESERVED = 'This username is reserved. Please choose another.';

/** The fields beside which the domain's refusals are shown. */
const FIELD_OF: ReadonlyMap<string, 'username' | 'reason'> = new Map([
  ['username-taken', 'username'],
  ['reason-missing', 'reason'],
] as const);

interface WithInvitation {
  Params: { invitation?: string };
}

/** Where people register, with or without the link of an invitation. */
export default async function registerRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, passwords, rateLimits, site } = app;

  for (const path of ['/register', '/register/:invitation']) {
    app.get<WithInvitation>(path, async (request, reply) => {
      const { invitation } = request.params;
      if (invitation !== undefined && !(await isInvitationOpen(db, invitation))) throw invalidLink();
      return show(request, reply, EMPTY_FORM);
    });

    app.post<WithInvitation>(path, async (request, reply) => {
      const refuse = (state: FormState) => show(request, reply.code(422), state);
      const form = request.readForm(RegisterForm);
      if (form.data === undefined) return refuse(form.state);
      const { email, username, password, password2, reason } = form.data;
      if (looksAutomated(form.data, site.settings)) return refuse(form.refuse('homepage', ''));
      if (password !== password2) return refuse(form.refuse('password2', PASSWORDS_DIFFER));
      if (isReservedName(username)) return refuse(form.refuse('username', NAME_RESERVED));
      const weakness = await weaknessOf(password, [username, email, site.settings.name]);
      if (weakness !== undefined) return refuse(form.refuse('password', weakness));

      await rateLimits.consume('register', { account: email, address: request.ip });
      const { invitation } = request.params;
      try {
        const registration = { email, username, password, reason, invitation };
        const account = await register({ db, queue, passwords }, registration);
        await sessionOf(request).signIn({ ...account, isRemembered: false });
      } catch (error) {
        const field = error instanceof DomainError ? FIELD_OF.get(error.code) : undefined;
        if (!(error instanceof DomainError) || field === undefined) throw error;
        return refuse(form.refuse(field, error.message));
      }
      await sessionOf(request).flash(`We’ve sent a confirmation link to ${email}.`);
      return reply.redirect('/auth/unconfirmed', 303);
    });
  }
}

/** Whether a bot seems to have sent the form: it has filled in the honeypot, or was faster than people are. */
function looksAutomated(
  { homepage, shown }: { homepage: string; shown: string },
  { delay, formKey }: SiteSettings,
): boolean {
  return homepage !== '' || (ageOfForm(formKey, shown) ?? 0) < Number(delay);
}

function show({ server, params }: FastifyRequest<WithInvitation>, reply: FastifyReply, form: FormState) {
  const { registration, formKey } = server.site.settings;
  const isInvited = params.invitation !== undefined;
  if (registration === 'closed' || (registration === 'invitation' && !isInvited)) {
    return reply.page('auth/registration-closed', { title: 'Register', isClosed: registration === 'closed' });
  }
  const { shown = '' } = form.values;
  return reply.page('auth/register', {
    title: 'Register',
    form,
    asksForReason: 'reason' in form.errors || (registration === 'approval' && !isInvited),
    // The first stamp stays valid. Otherwise people would have to wait twice.
    shown: ageOfForm(formKey, shown) === undefined ? stampForm(formKey) : shown,
    looksAutomated: 'homepage' in form.errors,
    isHoneypotFilled: (form.values.homepage ?? '') !== '',
  });
}
