import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';

/** A visitor without JavaScript: fills in forms, keeps cookies, follows redirects. */
export class Client {
  readonly #app: FastifyInstance;
  readonly #options: InjectOptions;
  readonly cookies = new Map<string, string>();

  /** @param options of every request, e.g. a `remoteAddress` or headers */
  constructor(app: FastifyInstance, options: InjectOptions = {}) {
    this.#app = app;
    this.#options = options;
  }

  get(url: string, options: InjectOptions = {}): Promise<LightMyRequestResponse> {
    return this.#send({ method: 'GET', url, ...options });
  }

  /** Submits a form like a browser on the site's own page. */
  post(
    url: string,
    fields: Record<string, string> = {},
    options: InjectOptions = {},
  ): Promise<LightMyRequestResponse> {
    return this.#send({
      method: 'POST',
      url,
      payload: new URLSearchParams(fields).toString(),
      ...options,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
        ...options.headers,
      },
    });
  }

  /** Follows a response's redirects to a page. */
  async follow(response: LightMyRequestResponse): Promise<LightMyRequestResponse> {
    let page = response;
    while (page.statusCode >= 300 && page.statusCode < 400)
      page = await this.get(String(page.headers.location));
    return page;
  }

  async #send(request: InjectOptions): Promise<LightMyRequestResponse> {
    const cookies = Object.fromEntries(this.cookies);
    const headers = { ...this.#options.headers, ...request.headers };
    const response = await this.#app.inject({ ...this.#options, ...request, headers, cookies });
    for (const { name, value, expires } of response.cookies) {
      if (expires !== undefined && expires.getTime() <= Date.now()) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}

/** The texts of the messages a page shows above its content. */
export function messagesOf(page: LightMyRequestResponse): string[] {
  return textsOf(page, /<p class="message(?: warning)?" role="\w+">(.*?)<\/p>/gs);
}

/** The warnings among them. */
export function warningsOf(page: LightMyRequestResponse): string[] {
  return textsOf(page, /<p class="message warning" role="alert">(.*?)<\/p>/gs);
}

function textsOf(page: LightMyRequestResponse, pattern: RegExp): string[] {
  const [aboveContent = ''] = page.body.split('<h1');
  return [...aboveContent.matchAll(pattern)].map(([, text = '']) => text.trim().replaceAll('&#39;', "'"));
}

/** The message beside each field of a page's form. */
export function errorsOf(page: LightMyRequestResponse): Record<string, string> {
  const errors = [...page.body.matchAll(/<p class="error" id="([\w-]+)-error">(.*?)<\/p>/gs)];
  return Object.fromEntries(errors.map(([, field, text = '']) => [field, text.trim()]));
}
