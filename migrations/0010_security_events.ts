import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table security_events (
      id integer generated always as identity primary key,
      kind text not null check (kind in (
        'logged-in', 'log-in-failed', 'logged-out', 'sessions-ended',
        'password-changed', 'password-reset', 'address-changed', 'role-changed', 'confirmed', 'unconfirmed',
        'two-factor-on', 'two-factor-off', 'recovery-code-used', 'recovery-codes-made',
        'passkey-added', 'passkey-removed',
        'confirmation-sent', 'access-ended',
        'token-made', 'token-revoked', 'export-made', 'import-made', 'deletion-requested', 'deletion-undone', 'account-deleted',
        'warned', 'silenced', 'suspended', 'sanction-lifted', 'texts-disabled', 'texts-enabled',
        'picture-removed',
        'comment-disabled', 'comment-enabled', 'comment-edited', 'comment-deleted',
        'post-disabled', 'post-enabled', 'post-edited', 'post-deleted', 'version-deleted', 'reports-closed',
        'setting-changed', 'application-approved', 'application-declined', 'invitation-made', 'invitation-revoked'
      )),
      user_id integer references users on delete cascade,
      actor_id integer references users on delete set null,
      address inet,
      detail jsonb not null default '{}' check (length(detail::text) <= 4000),
      created_at timestamptz not null default now()
    );
    comment on table security_events is
      'Events on accounts. Rows are deleted when they are old or their account is deleted. A trigger refuses updates, '
      'except clearing the actor when that account is deleted.';
    create index security_events_user_id_idx on security_events (user_id, id);
    create index security_events_user_id_kind_idx on security_events (user_id, kind, id);
    create index security_events_kind_idx on security_events (kind, id);
    create index security_events_actor_id_idx on security_events (actor_id);
    create index security_events_created_at_idx on security_events using brin (created_at);

    create function refuse_change() returns trigger language plpgsql as $$
    begin raise exception 'rows of % are immutable', tg_table_name; end
    $$;
    create trigger security_events_append_only before update on security_events for each row
      when (new.actor_id is not null or to_jsonb(new) - 'actor_id' <> to_jsonb(old) - 'actor_id')
      execute function refuse_change();
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table security_events;
    drop function refuse_change;
  `.execute(db);
}
