import { Type } from 'typebox';
import { NullableText, named, Path, Text, Time } from './fields.ts';
import { pageProperties, paths, ref } from './resources.ts';

/** The API's resources for versions of posts. */

const versionProperties = {
  url: Path('the version', paths.version(1, 1)),
  number: Type.Integer({
    description: 'Increases from one version to the next, perhaps by more than one.',
    examples: [1],
  }),
  timestamp: Time('When it was written'),
  writer_username: NullableText('Username of who wrote it, or null if unknown.', 'john'),
  is_deleted: Type.Boolean({
    description: 'Whether its text has been deleted.',
    examples: [false],
  }),
};

/** What lists show of a version. */
export const ListedVersion = named('ListedVersion', versionProperties);

export const Version = named('Version', {
  ...versionProperties,
  title: NullableText('The title, or null.', 'On bread'),
  body: NullableText('The text in Markdown, or null if it has been deleted.', 'Flour and water.'),
  tags: Type.Array(Text('A tag.', 'bread'), { description: 'The tags besides those in the text.' }),
});

export const VersionPage = named('VersionPage', {
  versions: Type.Array(ref(ListedVersion)),
  ...pageProperties,
});

export const VERSION_SCHEMAS = [ListedVersion, Version, VersionPage];
