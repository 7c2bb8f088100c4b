import fc from 'fast-check';
import { CREDENTIALS, MAILED, SENDERS } from './accounts.ts';
import { bodiesFor } from './bodies.ts';
import type { Harvest } from './harvest.ts';
import { headerSets } from './headers.ts';
import { encode, oddName, oddText, rawSegment } from './odd-values.ts';
import { type FuzzRoute, fillPattern, parametersOf } from './routes.ts';
import type { HttpRequest } from './send.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];

/** Requests to all routes: most of them nearly right, so that they get past the first check. */
export function httpRequests(routes: readonly FuzzRoute[], harvest: Harvest): fc.Arbitrary<HttpRequest> {
  return fc.oneof(
    ...routes.map((route) => ({ weight: route.weight, arbitrary: requestsTo(route, harvest) })),
  );
}

function requestsTo(route: FuzzRoute, harvest: Harvest): fc.Arbitrary<HttpRequest> {
  return fc
    .record({
      as: credentialsFor(route),
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(route.method) },
        { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
      ),
      path: pathsFor(route, harvest),
      query: queriesFor(route, harvest),
      headers: headerSets,
      content: bodiesFor(route, harvest),
    })
    .map(({ as, method, path, query, headers, content }) => {
      const hasBody = content !== undefined && method !== 'TRACE';
      return {
        route: `${route.method} ${route.pattern}`,
        as,
        method,
        path: path + query,
        headers: hasBody ? [...headers, ['content-type', content.type] as const] : headers,
        ...(hasBody && { body: content.body }),
      };
    });
}

/** Sessions for pages and tokens for the API, mostly. */
function credentialsFor({ pattern }: FuzzRoute): fc.Arbitrary<string> {
  const isApi = pattern.startsWith('/api/');
  const right = CREDENTIALS.filter((name) =>
    isApi ? /(?<!reading )token$/.test(name) : name.endsWith('session'),
  );
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...right) },
    { weight: 3, arbitrary: fc.constant('nobody') },
    { weight: 1, arbitrary: fc.constantFrom(...CREDENTIALS) },
  );
}

function pathsFor({ pattern }: FuzzRoute, { parameters }: Harvest): fc.Arbitrary<string> {
  const values = parametersOf(pattern).map((name) => {
    const seen = parameters.get(`${pattern} ${name}`) ?? [];
    return fc.oneof(
      { weight: seen.length > 0 ? 8 : 0, arbitrary: fc.constantFrom(...(seen.length > 0 ? seen : [''])) },
      {
        weight: name === 'token' ? 8 : 1,
        arbitrary: fc.constantFrom(...MAILED.map((mail) => `{{${mail}}}`)),
      },
      {
        weight: /id$|^number$/i.test(name) ? 8 : 1,
        arbitrary: fc.oneof(
          fc.constant('{{own-id}}'),
          fc.integer({ min: 1, max: SENDERS }).map(String),
          fc.integer({ min: 1, max: 300 }).map(String),
        ),
      },
      { weight: 6, arbitrary: oddText.map(encode) },
      { weight: 2, arbitrary: rawSegment },
    );
  });
  const filled = fc.tuple(...values).map((chosen) => {
    const rest = [...chosen];
    return fillPattern(pattern, () => rest.shift() ?? '');
  });
  return fc.oneof(
    { weight: 20, arbitrary: filled },
    { weight: 1, arbitrary: fc.tuple(filled, rawSegment).map(([path, more]) => `${path}/${more}`) },
  );
}

function queriesFor({ query }: FuzzRoute, { queries }: Harvest): fc.Arbitrary<string> {
  const names = [...Object.keys(query?.properties ?? {}), ...queries.map(([name]) => name)];
  const name = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('page', 'before', 'after', 'next', ...names) },
    { weight: 1, arbitrary: oddName },
  );
  const value = fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: -1, max: 600 }).map(String) },
    { weight: 2, arbitrary: fc.constantFrom('', ...queries.map(([, one]) => one)) },
    { weight: 2, arbitrary: oddText },
  );
  const pair = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(name, value).map(([key, one]) => `${encode(key)}=${encode(one)}`) },
    { weight: 1, arbitrary: rawSegment },
  );
  const seen = queries.length > 0 ? queries.map(([key, one]) => `?${encode(key)}=${encode(one)}`) : [''];
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom(...seen) },
    { weight: 3, arbitrary: fc.array(pair, { maxLength: 5 }).map((pairs) => `?${pairs.join('&')}`) },
  );
}
