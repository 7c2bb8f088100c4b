import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import { MAILED, type Secrets } from './accounts.ts';
import { type FuzzRoute, fillPattern, matcherOf, parametersOf } from './routes.ts';
import { reveal } from './send.ts';

/** A form on a page, with the values that its fields have or offer. */
export interface HarvestedForm {
  readonly method: string;
  readonly path: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** What pages reveal about valid requests. */
export interface Harvest {
  readonly forms: readonly HarvestedForm[];
  /** The values seen for each parameter in a path, by pattern and name, e.g. `/user/:username username`. */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
  /** Names and values in queries. */
  readonly queries: readonly (readonly [name: string, value: string])[];
}

/** Pages read per route and person, besides those to which mails lead. */
const PAGES_PER_ROUTE = 2;

const READERS = [
  'nobody',
  'newcomer 1 session',
  'user 1 session',
  'moderator 1 session',
  'administrator 1 session',
];

/** Reads pages as several people, following links and those in mails, and collects forms and addresses. */
export async function harvest(url: string, routes: readonly FuzzRoute[], secrets: Secrets): Promise<Harvest> {
  const gathered = new Gathering(routes);
  for (const reader of READERS) {
    const seen = new Map<string, number>();
    const waiting = routes.filter(({ method }) => method === 'GET').flatMap(firstPathsOf);
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const key = gathered.patternOf(path) ?? path;
      const count = seen.get(key) ?? 0;
      if (count >= PAGES_PER_ROUTE && !isMailed(path)) continue;
      seen.set(key, count + 1);
      const response = await fetch(url + reveal(path, secrets.tokens), {
        headers: secrets.headers.get(reader) ?? {},
        redirect: 'manual',
      });
      const body = await response.text();
      const location = response.headers.get('location');
      if (location) waiting.push(...gathered.addLink(location));
      if (response.headers.get('content-type')?.startsWith('text/html'))
        waiting.push(...gathered.addPage(path, body));
    }
  }
  return gathered;
}

/** The paths of a route that need no link on a page, with placeholders for tokens. */
function firstPathsOf({ pattern }: FuzzRoute): string[] {
  const names = parametersOf(pattern);
  if (names.length === 0) return [pattern];
  return names.join() === 'token' ? MAILED.map((mail) => fillPattern(pattern, () => `{{${mail}}}`)) : [];
}

/** Whether a path has a placeholder for a token. */
function isMailed(path: string): boolean {
  return path.includes('{{');
}

type Element = DefaultTreeAdapterTypes.Element;

class Gathering implements Harvest {
  readonly forms: HarvestedForm[] = [];
  readonly parameters = new Map<string, string[]>();
  readonly queries: [string, string][] = [];
  readonly #links = new Set<string>();
  readonly #matchers: readonly { pattern: string; match: ReturnType<typeof matcherOf> }[];

  constructor(routes: readonly FuzzRoute[]) {
    const patterns = new Set(routes.map(({ pattern }) => pattern));
    this.#matchers = [...patterns].map((pattern) => ({ pattern, match: matcherOf(pattern) }));
  }

  patternOf(link: string): string | undefined {
    const [path = ''] = link.split('?', 1);
    return this.#matchers.find(({ match }) => match(path) !== undefined)?.pattern;
  }

  /** Returns the link if it is new and leads to this site. */
  addLink(link: string): string[] {
    const [target = ''] = link.split('#', 1);
    if (!/^\/(?!\/)/.test(target) || this.#links.has(target)) return [];
    this.#links.add(target);
    const { pathname, searchParams } = new URL(target, 'http://localhost');
    this.queries.push(...searchParams);
    for (const { pattern, match } of this.#matchers) {
      for (const [name, value] of match(pathname) ?? []) {
        const key = `${pattern} ${name}`;
        const values = this.parameters.get(key) ?? [];
        if (!values.includes(value)) this.parameters.set(key, [...values, value]);
      }
    }
    return [target];
  }

  /** Returns the new links. */
  addPage(page: string, html: string): string[] {
    const elements = elementsOf(parse(html));
    const links = elements.flatMap(
      (element) => attribute(element, 'href') ?? attribute(element, 'src') ?? [],
    );
    for (const form of elements.filter(({ tagName }) => tagName === 'form')) this.#addForm(page, form);
    return links.flatMap((link) => this.addLink(link));
  }

  #addForm(page: string, form: Element): void {
    const [path = '', query = ''] = (attribute(form, 'action') ?? page).split('?', 2);
    const fields = new Map<string, string[]>();
    for (const element of elementsOf(form)) {
      const name = attribute(element, 'name') ?? nameOfParent(element);
      if (name === undefined || element.tagName === 'select') continue;
      fields.set(name, [...(fields.get(name) ?? []), attribute(element, 'value') ?? textOf(element)]);
    }
    const method = (attribute(form, 'method') ?? 'GET').toUpperCase();
    const isKnown = this.forms.some((known) => known.path === path && known.fields.size === fields.size);
    if (!isKnown) this.forms.push({ method, path, fields });
    this.addLink(`${path}?${query}`);
  }
}

/** An option belongs to its list. */
function nameOfParent({ tagName, parentNode }: Element): string | undefined {
  return tagName === 'option' && parentNode !== null && 'tagName' in parentNode
    ? attribute(parentNode, 'name')
    : undefined;
}

function elementsOf(node: DefaultTreeAdapterTypes.ParentNode): Element[] {
  return node.childNodes.flatMap((child) => ('tagName' in child ? [child, ...elementsOf(child)] : []));
}

function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((candidate) => candidate.name === name)?.value;
}

function textOf({ childNodes }: Element): string {
  return childNodes.map((child) => ('value' in child ? child.value : '')).join('');
}
