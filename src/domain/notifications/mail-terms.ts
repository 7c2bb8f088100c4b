import { type RawBuilder, sql } from 'kysely';
import type { MailFrequency } from '../../database/account-tables.ts';
import { IS_OPEN } from '../accounts/standing.ts';

/** Who is mailed about which notification, as conditions on rows of `notifications` and their recipients in `users`. */

/** Whether the recipient's account is open and its address works. */
export const MAY_BE_MAILED = sql<boolean>`(confirmed_at is not null and email_bounced_at is null and ${IS_OPEN})`;

/** How often the recipient wants mail about notifications of this kind. A moderator's decision is mailed separately. */
export const FREQUENCY = sql<MailFrequency>`(case notifications.kind
  when 'comment' then comment_mails when 'reply' then reply_mails
  when 'mention' then mention_mails when 'follow' then follow_mails
  else 'never' end)`;

/**
 * Whether the next mail of a frequency includes the notification. Excludes older ones: choosing another frequency must
 * not mail old notifications.
 */
export function isDue(frequency: MailFrequency): RawBuilder<boolean> {
  return sql`(notifications.read_at is null and notifications.mail is null
    and notifications.created_at > now() - interval '2 days'
    and ${FREQUENCY} = ${sql.lit(frequency)} and ${MAY_BE_MAILED})`;
}
