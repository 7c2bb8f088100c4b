import { join } from 'node:path';
import view from '@fastify/view';
import { Eta } from 'eta';
import fp from 'fastify-plugin';
import type { RenderMail } from '../domain/mail/message.ts';

declare module 'fastify' {
  interface FastifyInstance {
    renderMail: RenderMail;
    /** Renders a partial. */
    renderPart(name: string, data: object): string;
  }
}

const FOLDER = join(import.meta.dirname, '..', '..', 'views');

/** Provides `reply.view` for pages and `app.renderMail` for mails. Templates are compiled once and escape their output. */
export default fp(
  async (app) => {
    const html = cachePaths(new Eta({ views: FOLDER, cache: true }));
    const text = cachePaths(new Eta({ views: FOLDER, cache: true, autoEscape: false }));
    await app.register(view, { engine: { eta: html }, root: FOLDER, viewExt: 'eta', production: true });
    app.decorate('renderPart', (name, data) => html.render(name, data));
    app.decorate('renderMail', (name, data) => ({
      text: text.render(`mail/${name}.txt.eta`, { ...data, siteName: app.site.settings.name, quote }),
      html: html.render(`mail/${name}.html.eta`, { ...data, siteName: app.site.settings.name }),
    }));
  },
  { name: 'views', dependencies: ['site'] },
);

/** Marks each line as a quotation, so that people's words cannot pass for the site's. */
function quote(words: string): string {
  return words
    .trim()
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}

/** Caches resolved paths, because Eta resolves the path of every include again each time. */
function cachePaths(eta: Eta): Eta {
  const { resolvePath } = eta;
  if (resolvePath === null) return eta;
  const paths = new Map<string, string>();
  eta.resolvePath = (name, options) => {
    const key = `${options?.filepath ?? ''}\n${name}`;
    const path = paths.get(key) ?? resolvePath.call(eta, name, options);
    paths.set(key, path);
    return path;
  };
  return eta;
}
