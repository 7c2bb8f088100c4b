import type { Db } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';

/**
 * Records a change by the request's user, or by the operator.
 *
 * @param detail.setting the name of a setting or of a page about the site
 */
export async function recordSetting(trx: Db, detail: { setting: string; value?: string }): Promise<void> {
  await recordEvent(trx, { kind: 'setting-changed', userId: null, detail });
}
