import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { canonicalEmail } from '../accounts/email.ts';

/** Accounts and requests per kind. */
const MOST = 20;

const NAME = /^@?([A-Za-z][A-Za-z0-9_.]{0,63})$/;

/**
 * What jobs about a person have in their payloads, such as `{ userId: 7 }`. Empty if nobody has that name or address.
 *
 * @param person a username, with or without `@`, or an email address
 * @param options.byAddress whether to look for addresses at all, which tells who has an account
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
      limit ${MOST}
    )
    select key, id from people, unnest(array['userId', 'followerId', 'followedId']) as key
    union all (select 'exportId', id from data_exports where user_id in (select id from people) order by id desc limit ${MOST})
    union all (select 'importId', id from data_imports where user_id in (select id from people) order by id desc limit ${MOST})
    union all (select 'emailChangeId', id from email_changes where user_id in (select id from people) order by id desc limit ${MOST})
    union all (select 'subscriptionId', id from subscriptions where email = ${email ?? null} order by id desc limit ${MOST})
  `.execute(db);
  return rows.map(({ key, id }) => ({ [key]: id }));
}
