import { Type } from 'typebox';
import { NullableText, named, Path, pageOf, ref, Time } from './resources.ts';

/** The API's resources of the versions of posts. */

/** What lists show of a version of a post. */
const versionProperties = {
  url: Path('the version'),
  number: Type.Integer({ description: 'Increases from one version to the next, perhaps by more than one.' }),
  timestamp: Time('When it was written'),
  writer_username: NullableText('Username of who wrote it, or null if unknown.'),
  is_deleted: Type.Boolean({ description: 'Whether what it said has been deleted.' }),
};

export const ListedVersion = named('ListedVersion', versionProperties);

export const Version = named('Version', {
  ...versionProperties,
  title: NullableText('The title, or null.'),
  body: NullableText('The text in Markdown, or null if it has been deleted.'),
  tags: Type.Array(Type.String(), { description: 'The tags besides those in the text.' }),
});

export const VersionPage = named('VersionPage', { versions: Type.Array(ref(ListedVersion)), ...pageOf });

export const VERSION_SCHEMAS = [ListedVersion, Version, VersionPage];
