import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { errorCodes } from 'fastify';
import { Type } from 'typebox';
import { MAX_SEARCH_LENGTH } from '../../domain/search/parse.ts';
import { LAST_PAGE, SEARCH_KINDS, search } from '../../domain/search/search.ts';
import { setLink } from './pages.ts';
import { presentFound } from './present.ts';
import { refusals } from './requests.ts';
import { paths, ref, SearchPage } from './resources.ts';

const SearchQuery = Type.Object(
  {
    q: Type.String({
      minLength: 1,
      maxLength: MAX_SEARCH_LENGTH,
      pattern: '^[^\\u0000\\p{Cs}]*$',
      description:
        'Words, "phrases", -word and OR, and the filters from:NAME, tag:NAME, after:DATE and before:DATE.',
      examples: ['bread'],
    }),
    type: Type.Optional(Type.Enum([...SEARCH_KINDS], { description: 'What to search; posts by default.' })),
    page: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LAST_PAGE, description: `From 1 to ${LAST_PAGE}.` }),
    ),
  },
  { additionalProperties: false },
);

const searching = {
  tags: ['Search'],
  operationId: 'searchSite',
  summary: 'Search posts, comments or people',
  description:
    'The best matches come first. Only the newest 100 posts or comments that match are ranked. Results leave out what you cannot read, and people you have muted or blocked.',
  querystring: SearchQuery,
  response: { 200: ref(SearchPage, { description: 'A page of results.' }), ...refusals(400) },
};

const searchRoute: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;
  const route = { schema: searching, config: { limit: 'search' as const } };
  app.get('/search', route, async ({ caller, query: { q, type = 'posts', page = 1 } }, reply) => {
    const size = config.postsPerPage;
    const result = await search(db, {
      text: q,
      kind: type,
      readerId: caller?.id,
      page: { number: page, size },
    });
    if ('fault' in result) throw new errorCodes.FST_ERR_VALIDATION(`q: ${result.fault}`);
    const { total } = result.page;
    const pathOf = (to: number) => `${paths.search}?${new URLSearchParams({ q, type, page: String(to) })}`;
    const prev = page > 1 ? pathOf(page - 1) : null;
    const next = page * size < total ? pathOf(page + 1) : null;
    setLink(reply, { first: pathOf(1), prev, next });
    return { results: presentFound(result), prev, next, count: total };
  });
};

export default searchRoute;
