import fp from 'fastify-plugin';
import forms from './forms.ts';
import page from './page.ts';
import sameOrigin from './same-origin.ts';
import session from './session.ts';

/** The plugins of every scope with pages. */
export default fp(
  async (app) => {
    await app.register(sameOrigin);
    await app.register(session);
    await app.register(forms);
    await app.register(page);
  },
  { name: 'pages' },
);
