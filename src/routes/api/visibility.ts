import { Type } from 'typebox';
import { VISIBILITIES, type Visibility } from '../../domain/posts/visibility.ts';

/** Who can see a post. */
export const visibility = (more = '') =>
  Type.Unsafe<Visibility>({
    type: 'string',
    enum: VISIBILITIES,
    examples: VISIBILITIES,
    description: `\`public\`, or \`unlisted\` for those who know its path: it is in no list but your own.${more}`,
  });

/** Whether a request asks for an unlisted post. Undefined if it does not say. */
export function isUnlistedIn({ visibility }: { visibility?: Visibility }): boolean | undefined {
  return visibility && visibility === 'unlisted';
}
