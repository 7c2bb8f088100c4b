import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with a page of `views/`, in the site's layout, with the messages left for it. */
    page(view: string, data: { title: string } & Record<string, unknown>): Promise<FastifyReply>;
  }
}

/** `reply.page`. What it shows is one person's, so no cache may keep it. */
export default fp(
  async (app) => {
    app.decorateReply('page', async function (view, data) {
      const { session } = this.request;
      const messages = await session.takeMessages();
      this.header('cache-control', 'private, no-cache');
      return this.view(view, { ...data, user: session.user, messages });
    });
  },
  { name: 'page', dependencies: ['views', 'session'] },
);
