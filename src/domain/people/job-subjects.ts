import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { canonicalEmail } from '../accounts/email.ts';

/** Ids of each kind. */
const MAX_IDS = 20;

const NAME = /^@?([A-Za-z][A-Za-z0-9_.]{0,63})$/;

/**
 * The fields that payloads of jobs about a person have, such as `{ userId: 7 }`. Empty if nobody has that name or address.
 *
 * @param person a username, with or without `@`, or an email address
 * @param options.byAddress whether to look addresses up, which reveals who has an account
 */
export async function findJobSubjects(
  db: Db,
  person: string,
  { byAddress }: { byAddress: boolean },
): Promise<readonly Readonly<Record<string, number>>[]> {
  const [, name] = NAME.exec(person) ?? [];
  const email = byAddress && name === undefined && person.includes('@') ? canonicalEmail(person) : undefined;
  if (name === undefined && email === undefined) return [];
  const { rows } = await sql<{ key: string; id: number }>`
    with people as materialized (
      select id from users
      where lower(username) = lower(${name ?? null}) or (lower(email) = ${email ?? null} and confirmed_at is not null)
        or (lower(email) = ${email ?? null} and confirmed_at is null)
      limit ${MAX_IDS}
    )
    select key, id from people, unnest(array['userId', 'followerId', 'followedId']) as key
    union all (select 'exportId', id from data_exports where user_id in (select id from people) order by id desc limit ${MAX_IDS})
    union all (select 'importId', id from data_imports where user_id in (select id from people) order by id desc limit ${MAX_IDS})
    union all (select 'emailChangeId', id from email_changes where user_id in (select id from people) order by id desc limit ${MAX_IDS})
    union all (select 'subscriptionId', id from subscriptions where email = ${email ?? null} order by id desc limit ${MAX_IDS})
  `.execute(db);
  return rows.map(({ key, id }) => ({ [key]: id }));
}
