import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table blocks (
      id integer generated always as identity,
      blocker_id integer not null references users on delete cascade,
      blocked_id integer not null references users on delete cascade,
      kind text not null check (kind in ('mute', 'block')),
      created_at timestamptz not null default now(),
      primary key (blocker_id, blocked_id),
      check (blocker_id <> blocked_id)
    );
    comment on table blocks is
      'Who has muted or blocked whom. Both hide the other person''s texts; a block also keeps them from following the '
      'person and from commenting on their posts. Ids increase with time, so lists are ordered by id.';
    create index blocks_blocker_id_id_idx on blocks (blocker_id, id);
    create index blocks_blocked_id_idx on blocks (blocked_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table blocks`.execute(db);
}
