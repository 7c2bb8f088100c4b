import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import { type CountedPage, LAST_NUMBERED_PAGE, MAX_ID } from '../../domain/page.ts';
import { MAX_POSITION } from '../../domain/posts/position.ts';

/** @param maximum the largest cursor */
function pageQuery(maximum: number, cursor: string) {
  const Cursor = (which: string) =>
    Type.Optional(Type.Integer({ minimum: 0, maximum, description: `Cursor: items ${which} ${cursor}.` }));
  return Type.Object(
    {
      page: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: LAST_NUMBERED_PAGE,
          description: `From 1 to ${LAST_NUMBERED_PAGE}. Follow \`next\` to go deeper.`,
        }),
      ),
      before: Cursor('older than'),
      after: Cursor('newer than'),
    },
    { additionalProperties: false, description: 'At most one of them.' },
  );
}

/** The query parameters of a list. */
export const PageQuery = pageQuery(MAX_ID, 'the one with this id');

/** The query parameters of a list of posts. */
export const PostPageQuery = pageQuery(MAX_POSITION, 'this. Take it from `next` or `prev`');

/** The page that a query requests. */
export function pageRequest({ page, before, after }: Static<typeof PageQuery>, size: number) {
  return { number: page, before, after: before === undefined ? after : undefined, size };
}

/** The other fields of a list that always fits on one page. */
export function onlyPage({ length }: readonly unknown[]) {
  return { prev: null, next: null, count: length };
}

/**
 * Links the adjacent pages of a list, in its body and in the `Link` header (RFC 8288).
 *
 * @param order of the list: `desc` shows the newest first
 */
export function linkPages(
  reply: FastifyReply,
  { path, order = 'desc' }: { path: string; order?: 'asc' | 'desc' },
  { newer, older, total }: CountedPage<unknown>,
) {
  const start = path + (path.includes('?') ? '&' : '?');
  const toNewer = newer === undefined ? null : `${start}after=${newer}`;
  const toOlder = older === undefined ? null : `${start}before=${older}`;
  const [prev, next] = order === 'desc' ? [toNewer, toOlder] : [toOlder, toNewer];
  setLink(reply, { first: path, prev, next });
  return { prev, next, count: total };
}

/** Sets the `Link` header to the paths of other pages. */
export function setLink(reply: FastifyReply, paths: Record<string, string | null>): void {
  const links = Object.entries(paths).flatMap(([rel, path]) =>
    path === null ? [] : [`<${path}>; rel="${rel}"`],
  );
  reply.header('link', links.join(', '));
}
