import { join } from 'node:path';
import view from '@fastify/view';
import { Eta } from 'eta';
import fp from 'fastify-plugin';
import type { RenderMail } from '../domain/mail/message.ts';

declare module 'fastify' {
  interface FastifyInstance {
    renderMail: RenderMail;
  }
}

const FOLDER = join(import.meta.dirname, '..', '..', 'views');

/** `reply.view` for pages and `app.renderMail` for mails. Templates are compiled once and escape what they print. */
export default fp(
  async (app) => {
    const html = new Eta({ views: FOLDER, cache: true });
    const text = new Eta({ views: FOLDER, cache: true, autoEscape: false });
    await app.register(view, { engine: { eta: html }, root: FOLDER, viewExt: 'eta', production: true });
    app.decorate('renderMail', (name, data) => ({
      text: text.render(`mail/${name}.txt.eta`, data),
      html: html.render(`mail/${name}.html.eta`, data),
    }));
  },
  { name: 'views' },
);
