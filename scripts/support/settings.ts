import type { FastifyInstance } from 'fastify';
import { Compile } from 'typebox/schema';
import { MAX_BODY_LENGTH } from '../../src/domain/markdown/text.ts';
import { SETTING_NAMES, SettingsFields } from '../../src/domain/site/fields.ts';
import { changeSitePage, findSitePage, SITE_PAGES } from '../../src/domain/site/pages.ts';
import { changeSettings } from '../../src/domain/site/settings.ts';
import { StartupError } from '../../src/errors.ts';

/** All settings and pages of the site, as `name: value`. Lines after the first are indented. */
export async function printSettings({ db, site }: FastifyInstance): Promise<string> {
  const settings = SETTING_NAMES.map((name) => line(name, site.settings[name]));
  const pages = SITE_PAGES.map(async ({ name }) => line(name, (await findSitePage(db, name))?.body ?? ''));
  return [...settings, ...(await Promise.all(pages))].join('\n');
}

function line(name: string, value: string): string {
  return `${name}: ${value.replaceAll('\n', '\n  ')}`;
}

/**
 * Changes a setting, or a page of the site.
 *
 * @throws StartupError if there is no such setting, or the value is not accepted
 */
export async function setSetting(app: FastifyInstance, name: string, typed: string): Promise<string> {
  const value = typed.trim();
  const page = SITE_PAGES.find((one) => one.name === name);
  if (page !== undefined) {
    if (value.length > MAX_BODY_LENGTH)
      throw new StartupError(2, `${name}: at most ${MAX_BODY_LENGTH} characters`);
    await changeSitePage(app.db, page.name, await app.markdown.post(value));
    return `${name} is saved.`;
  }
  const setting = SETTING_NAMES.find((one) => one === name);
  if (setting === undefined) {
    const known = [...SETTING_NAMES, ...SITE_PAGES.map((one) => one.name)].join(', ');
    throw new StartupError(2, `There is no setting "${name}"; choose from ${known}`);
  }
  const field = SettingsFields.properties[setting];
  const changed = { ...app.site.settings, [setting]: value };
  const [, [fault]] = Compile(SettingsFields).Errors(changed);
  if (fault !== undefined) throw new StartupError(2, `${name}: ${messageOf(field, fault)}`);
  await changeSettings(app, { [setting]: value });
  return `${name} is now ${value}`;
}

function messageOf(field: object, { keyword, message }: { keyword: string; message: string }): string {
  const messages: unknown = 'messages' in field ? field.messages : undefined;
  return String(Object(messages)[keyword] ?? message);
}
