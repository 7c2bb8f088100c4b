import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { mintToken as mint } from '../../../src/domain/token.ts';
import { createUser, mintToken, type TestUser } from '../../support/factories.ts';
import { insertPasskey } from '../../support/passkeys.ts';
import { giveTwoFactor } from '../../support/two-factor.ts';
import { PEOPLE, STAFF } from './matrix.ts';
import { REQUESTS } from './requests.ts';
import { anotherSession, issueUnnamedToken, type Situation, waitingExport } from './things.ts';

/** Creates a person who has one of everything that requests are about, and whom no request concerns. */
export async function createBystander(app: FastifyInstance): Promise<TestUser> {
  const bystander = await createUser(app, { username: 'bystander', role: 'Administrator' });
  const people = Object.fromEntries([...PEOPLE, ...STAFF].map((person) => [person, bystander]));
  const situation = { app, people: people as Situation['people'], actor: bystander };
  for (const { about } of Object.values(REQUESTS)) await about?.(situation);
  await issueUnnamedToken(app, bystander);
  await anotherSession(situation);
  await waitingExport(situation);
  await mintToken(app, bystander.id, 'reset-password');
  await giveTwoFactor(app, bystander);
  await insertPasskey(app, bystander);
  const ids = { user_id: bystander.id };
  await app.db
    .insertInto('recovery_codes')
    .values({ ...ids, code_hash: mint().hash })
    .execute();
  await app.db
    .insertInto('known_browsers')
    .values({ ...ids, token_hash: mint().hash })
    .execute();
  await app.db
    .insertInto('email_changes')
    .values({ ...ids, new_email: 'new@example.com' })
    .execute();
  await app.db
    .insertInto('applications')
    .values({ ...ids, reason: 'To read', confirmed_at: new Date() })
    .execute();
  await app.db
    .insertInto('pending_log_ins')
    .columns(['session_hash', 'user_id', 'is_remembered', 'expires_at'])
    .expression((from) =>
      from
        .selectFrom('sessions')
        .select(({ val }) => ['token_hash', 'user_id', val(false).as('is_remembered'), 'expires_at'])
        .where('user_id', '=', bystander.id)
        .$narrowType<{ user_id: number }>()
        .limit(1),
    )
    .execute();
  await app.db
    .updateTable('users')
    .set({
      email_bounced_at: new Date(),
      silenced_until: sql<Date>`now() + interval '1 day'`,
      wants_digest: true,
    })
    .where('id', '=', bystander.id)
    .execute();
  return bystander;
}
