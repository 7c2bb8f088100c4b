import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table applications (
      user_id integer primary key references users on delete cascade,
      reason text not null check (length(reason) between 1 and 500),
      confirmed_at timestamptz,
      declined_at timestamptz
    );
    comment on table applications is
      'People who have registered and whom no moderator has approved. Those who have confirmed their address wait for one.';
    create index applications_confirmed_at_idx on applications (confirmed_at)
      where confirmed_at is not null and declined_at is null;

    create table invitations (
      id integer generated always as identity primary key,
      token_hash bytea not null unique,
      inviter_id integer not null references users on delete cascade,
      max_uses smallint not null check (max_uses between 1 and 100),
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      revoked_at timestamptz
    );
    comment on table invitations is 'Links with which a number of people can register until a date.';
    create index invitations_inviter_id_idx on invitations (inviter_id);

    create table invited_people (
      user_id integer primary key references users on delete cascade,
      invitation_id integer not null references invitations on delete cascade
    );
    comment on table invited_people is 'Who has registered with which invitation. Each account takes a seat while it exists.';
    create index invited_people_invitation_id_idx on invited_people (invitation_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table invited_people, invitations, applications`.execute(db);
}
