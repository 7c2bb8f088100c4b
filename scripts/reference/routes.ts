import type { FastifyInstance } from 'fastify';
import { code, page, table } from './markdown.ts';

/** A route of the application, and who may use it. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly audience: string;
  /** The action whose limit a request counts for. */
  readonly limit: string | undefined;
}

/** Audiences by the hook that refuses everyone else. The narrowest come first. */
const AUDIENCES: readonly (readonly [hook: string, audience: string])[] = [
  ['requirePermission ADMIN', 'Administrators'],
  ['requirePermission MODERATE', 'Moderators'],
  ['requirePermission FOLLOW', 'members'],
  ['requirePermission COMMENT', 'members'],
  ['requirePermission WRITE', 'members'],
  ['requireUser', 'confirmed accounts'],
  ['requireSignedIn', 'accounts'],
  ['requireCaller', 'clients'],
  ['requireOperator', 'operators'],
  ['requireThisMachine', 'this machine'],
];

const INTRODUCTION = `From the application's routes and the hooks that guard them. \`npm run routes\` prints them too. Rules about
what is requested are not listed, such as that only its author may edit a post:
[a test](../../test/system/authorization.test.ts) has the outcome of every route for everyone.

- **Accounts** are logged in; **confirmed** ones have confirmed their address; **members** are also not silenced.
- **Clients** of the API send a token, or email and password. If the site allows it, everyone may read.
- **Operators** send \`METRICS_TOKEN\`. Without that variable, only this machine may.
- **Password**: the password was entered in the last ten minutes; otherwise the site asks for it.
- The limits are in [configuration.md](configuration.md#limits-per-account).`;

type Scope = FastifyInstance;

/**
 * Watches an app that is not ready yet.
 *
 * @returns a function that lists the routes once it is ready, in the order of their registration
 */
export function watchRoutes(app: FastifyInstance): () => Route[] {
  const hooksOf = new Map<Scope, string[]>();
  const routes: { scope: Scope; own: readonly unknown[]; method: string; path: string; limit?: string }[] =
    [];
  app.addHook = new Proxy(app.addHook, {
    apply(addHook, scope: Scope, args: unknown[]) {
      const [when, hook] = args;
      if (when === 'onRequest') hooksOf.set(scope, [...(hooksOf.get(scope) ?? []), nameOf(hook)]);
      return Reflect.apply(addHook, scope, args);
    },
  });
  app.addHook('onRoute', function ({ method, url: path, onRequest, config }) {
    const methods = [method].flat();
    if (methods.includes('OPTIONS')) return; // It only refuses the methods that a path does not have.
    for (const one of methods.filter((each) => each !== 'HEAD')) {
      const limit = config?.limit;
      routes.push({ scope: this, own: [onRequest].flat(), method: one, path, ...(limit && { limit }) });
    }
  });
  return () =>
    routes.map(({ scope, own, method, path, limit }) => {
      const inherited = scopesAround(scope).flatMap((each) => hooksOf.get(each) ?? []);
      return { method, path, limit, audience: audienceOf(new Set([...inherited, ...own.map(nameOf)])) };
    });
}

/** A scope's prototype is the scope around it. */
function scopesAround(scope: Scope): Scope[] {
  const outer: Scope | null = Object.getPrototypeOf(scope);
  return outer === null ? [scope] : [scope, ...scopesAround(outer)];
}

function nameOf(hook: unknown): string {
  return typeof hook === 'function' ? hook.name : '';
}

function audienceOf(hooks: ReadonlySet<string>): string {
  const [, audience = 'everyone'] = AUDIENCES.find(([hook]) => hooks.has(hook)) ?? [];
  return hooks.has('requireVerified') ? `${audience}, password` : audience;
}

/** The page about routes. */
export function describeRoutes(routes: readonly Route[]): string {
  const isApi = ({ path }: Route) => path.startsWith('/api/');
  const list = (chosen: readonly Route[]) =>
    table(
      ['method', 'path', 'who may', 'limit'],
      chosen.map(({ method, path, audience, limit }) => [method, code(path), audience, code(limit)]),
    );
  return page(
    'Routes',
    INTRODUCTION,
    '## Pages',
    list(routes.filter((route) => !isApi(route))),
    '## API',
    list(routes.filter(isApi)),
  );
}
