import type { FastifyInstance } from 'fastify';

/** Names in a line of a box. */
const PER_LINE = 5;

/** A scope of the application that has routes or contains such scopes. */
interface Scope {
  readonly name: string;
  /** The plugins that are registered in it and share its scope. */
  readonly plugins: readonly string[];
  readonly children: Scope[];
}

/**
 * Watches an app that is not ready yet.
 *
 * @returns a function that draws its scopes with Mermaid once it is ready. A scope that contains several others has its own box;
 *   the rest are named in the box around them.
 */
export function watchPlugins(app: FastifyInstance): () => string {
  const instances = new Set<FastifyInstance>();
  app.addHook('onRoute', function () {
    instances.add(this);
  });
  return () => {
    const scopes = new Map<FastifyInstance, Scope>();
    for (const instance of instances) findScope(instance, app, scopes);
    return [
      '%% What is registered where',
      'flowchart TD',
      ...draw(findScope(app, app, scopes), 'scope'),
      '',
    ].join('\n');
  };
}

/** An instance's prototype is the scope around it, and its name also lists the plugins that are registered in it. */
function findScope(instance: FastifyInstance, app: FastifyInstance, scopes: Map<object, Scope>): Scope {
  const known = scopes.get(instance);
  if (known !== undefined) return known;
  const [name = '', ...plugins] = instance.pluginName.split(' -> ');
  const scope: Scope = {
    name: instance === app ? 'app' : name.replace(/Routes?$/, ''),
    plugins: plugins.filter((plugin) => !plugin.startsWith('@')), // Libraries' plugins are registered by ours.
    children: [],
  };
  scopes.set(instance, scope);
  if (instance !== app) findScope(Object.getPrototypeOf(instance), app, scopes).children.push(scope);
  return scope;
}

function draw({ name, plugins, children }: Scope, id: string): string[] {
  const routes = children.filter((child) => !isBox(child)).map((child) => child.name);
  const lines = [`<b>${name}</b>`, ...titled('plugins', plugins), ...titled('routes', routes)];
  return [
    `  ${id}["${lines.join('<br/>')}"]`,
    ...children.filter(isBox).flatMap((child, index) => {
      const childId = `${id}_${index}`;
      return [...draw(child, childId), `  ${id} --> ${childId}`];
    }),
  ];
}

function isBox({ children }: Scope): boolean {
  return children.length > 3 || children.some(isBox);
}

function titled(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const rows = Array.from({ length: Math.ceil(names.length / PER_LINE) }, (_, row) =>
    names.slice(row * PER_LINE, (row + 1) * PER_LINE).join(', '),
  );
  return [`<i>${title}</i>`, ...rows];
}
