import type { FastifyInstance } from 'fastify';
import { requireSignedIn } from '../../guards.ts';
import activity from './activity.ts';
import bounced from './bounced.ts';
import changeEmail from './change-email.ts';
import changePassword from './change-password.ts';
import confirm from './confirm.ts';
import login from './login.ts';
import loginCode from './login-code.ts';
import logout from './logout.ts';
import passkeys from './passkeys.ts';
import register from './register.ts';
import reset from './reset.ts';
import security from './security.ts';
import twoFactor from './two-factor.ts';
import unconfirmed from './unconfirmed.ts';
import undoDeletion from './undo-deletion.ts';
import undoEmailChange from './undo-email-change.ts';
import verify from './verify.ts';

/** Account pages. Unconfirmed accounts may use them too. */
export default async function auth(app: FastifyInstance): Promise<void> {
  // People can log in even while other pages wait for the database.
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, isVital: true };
  });
  app.register(register);
  app.register(login);
  app.register(loginCode);
  app.register(confirm);
  app.register(reset);
  app.register(changeEmail);
  app.register(undoDeletion);
  app.register(undoEmailChange);
  app.register(signedIn);
}

async function signedIn(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireSignedIn);
  app.register(logout);
  app.register(bounced);
  app.register(unconfirmed);
  app.register(changePassword);
  app.register(verify);
  app.register(activity);
  app.register(security);
  app.register(twoFactor, { prefix: '/two-factor' });
  app.register(passkeys, { prefix: '/passkeys' });
}
