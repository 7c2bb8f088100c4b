import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import { ROLES } from '../../domain/accounts/roles.ts';
import { ACCOUNT_STATES, listMostReported, listPeople } from '../../domain/people/list.ts';
import { DomainError } from '../../errors.ts';
import { paginate } from '../web/pagination.ts';
import { placeFrom } from '../web/params.ts';
import { withFields } from './jobs/filter.ts';

const PAGE_SIZE = 50;

/** The orders of the list. By default, the newest come first. */
const ORDERS = { '': 'Newest', reported: 'Most reported' } as const;

/** The fields of the forms; empty means any. */
const validator = Compile(
  Type.Object({
    text: Type.Optional(Type.String({ maxLength: 100, pattern: '^[^\\u0000]*$' })),
    role: Type.Optional(Type.Enum(['', ...ROLES])),
    state: Type.Optional(Type.Enum(['', ...ACCOUNT_STATES])),
    order: Type.Optional(Type.Enum(['', 'reported'])),
  }),
);

/** All accounts, for Administrators. */
export default async function people(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get('/', async (request, reply) => {
    const { query } = request;
    if (!validator.Check(query)) throw new DomainError('not-found', 'Invalid filter.');
    const { text, role, state, order } = query;
    const fields = { text: text?.trim(), role, state, order };
    const filter = { text: fields.text || undefined, role: role || undefined, state: state || undefined };
    const shared = { title: 'People', fields, roles: ROLES, states: ACCOUNT_STATES, orders: ORDERS };
    if (order === 'reported') {
      return reply.page('admin/people', { ...shared, people: await listMostReported(db, filter) });
    }
    const { before, after } = placeFrom(query);
    const page = await listPeople(db, filter, { before, after, size: PAGE_SIZE });
    const path = withFields('/admin/people', fields);
    const pagination = paginate(page, { path, place: { before, after } });
    return reply.page('admin/people', { ...shared, people: page.items, pagination });
  });
}
