import type { FastifyInstance } from 'fastify';

/** The parts of JSON Schema that requests are generated from. */
export interface JsonSchema {
  readonly type?: string;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** A route of the application. */
export interface FuzzRoute {
  readonly method: string;
  /** Its path, with names such as `:id` for parameters. */
  readonly pattern: string;
  /** Only the API's routes have schemas. */
  readonly body: JsonSchema | undefined;
  readonly query: JsonSchema | undefined;
  /** How often it is requested, compared with others. */
  readonly weight: number;
}

/** Collects the routes of an app that is not ready yet, so that a new route is fuzzed without being listed here. */
export function collectRoutes(app: FastifyInstance): FuzzRoute[] {
  const routes: FuzzRoute[] = [];
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    if (config?.isEndless) return;
    for (const one of [method].flat()) {
      routes.push({
        method: one,
        pattern: url,
        body: schema?.body as JsonSchema | undefined,
        query: schema?.querystring as JsonSchema | undefined,
        // The API refuses methods by routes without a schema.
        weight: one === 'HEAD' || (url.startsWith('/api/') && schema?.response === undefined) ? 1 : 10,
      });
    }
  });
  return routes;
}

/** A parameter in a pattern: a name and perhaps its regular expression. */
const PARAMETER = /:(\w+)(?:\([^)]*\))?|\*/g;

/** Puts values into a pattern. */
export function fillPattern(pattern: string, valueFor: (name: string) => string): string {
  return pattern.replaceAll(PARAMETER, (_match, name: string | undefined) => valueFor(name ?? '*'));
}

/** The names of a pattern's parameters; `*` for a wildcard. */
export function parametersOf(pattern: string): string[] {
  return [...pattern.matchAll(PARAMETER)].map(([, name]) => name ?? '*');
}

/** Makes a function that reads the parameters of a path; undefined if the path does not match. */
export function matcherOf(pattern: string): (path: string) => ReadonlyMap<string, string> | undefined {
  const names = parametersOf(pattern);
  const literals = pattern.split(PARAMETER).filter((_part, index) => index % 2 === 0);
  const escaped = literals.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const groups = names.map((name) => (name === '*' ? '(.*)' : '([^/]+)'));
  const expression = new RegExp(`^${escaped.map((text, index) => text + (groups[index] ?? '')).join('')}$`);
  return (path) => {
    const match = expression.exec(path);
    return match === null ? undefined : new Map(names.map((name, index) => [name, match[index + 1] ?? '']));
  };
}
