import type { FastifyReply } from 'fastify';
import type { CountedPage, PageRequest } from '../../domain/page.ts';

/** The page that a query asks for. */
export function pageRequest({ page = 1 }: { page?: number }, size: number): PageRequest {
  return { number: page, size, beyond: 'nothing' };
}

/** How a list says where the pages around it are: in its body, and in `Link` (RFC 8288). */
export function linkPages(reply: FastifyReply, path: string, { number, count, total }: CountedPage<unknown>) {
  const pathOf = (page: number) => (page === 1 ? path : `${path}?page=${page}`);
  const prev = number > 1 ? pathOf(Math.min(number - 1, count)) : null;
  const next = number < count ? pathOf(number + 1) : null;
  const links = { first: pathOf(1), prev, next, last: pathOf(count) };
  reply.header(
    'link',
    Object.entries(links)
      .flatMap(([rel, target]) => (target === null ? [] : [`<${target}>; rel="${rel}"`]))
      .join(', '),
  );
  return { prev, next, count: total };
}
