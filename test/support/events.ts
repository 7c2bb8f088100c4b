import type { FastifyInstance } from 'fastify';
import { listEvents } from '../../src/domain/security-events/list.ts';

/** What happened to an account and who did it, oldest first. */
export async function eventsOn(app: FastifyInstance, { id }: { id: number }): Promise<string[]> {
  const { events } = await listEvents(app.db, { userId: id }, undefined);
  return events.map(({ kind, actorName }) => `${kind} by ${actorName}`).reverse();
}
