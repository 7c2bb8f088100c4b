import { sql } from 'kysely';

/** Whether Administrators let people subscribe by email. */
export const ARE_SUBSCRIPTIONS_ON = sql<boolean>`exists (
  select from site_settings where email_subscriptions = 'on'
)`;
