import type { Db } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';
import type { SettingName } from './fields.ts';
import type { SitePageName } from './pages.ts';

/** Records a change of a setting by the request's user, or by the operator. */
export async function recordSetting(
  trx: Db,
  detail: { setting: SettingName | SitePageName; value?: string },
): Promise<void> {
  await recordEvent(trx, { kind: 'setting-changed', userId: null, detail });
}
