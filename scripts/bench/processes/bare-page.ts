import Fastify from 'fastify';
import { serve } from '../serve.ts';

/** A route that only sends a page from memory. */
const page = Buffer.from(process.env.PAGE ?? '');
const app = Fastify();
app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
await serve(app);
