import type { Db } from '../../database/schema.ts';
import { findAlarm } from './find.ts';

const TIMEOUT_MS = 10_000;

/**
 * Posts an error to the operator's webhook, as JSON.
 *
 * @throws Error if the webhook does not answer with 2xx
 */
export async function postAlarm(
  { db, baseUrl, to }: { db: Db; baseUrl: string; to: string },
  alarmId: number,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const alarm = await findAlarm(db, alarmId, { signal });
  const response = await fetch(to, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ site: baseUrl, ...alarm }),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The webhook answered ${response.status}.`);
}
