import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  maxHeaderSize,
  request as send,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Secrets } from './accounts.ts';

/** A request over HTTP. It is valid JSON, so that it can be stored and sent again. */
export interface HttpRequest {
  readonly route: string;
  /** One of CREDENTIALS. */
  readonly as: string;
  readonly method: string;
  /** May contain placeholders: for mailed tokens, such as `{{confirm-account}}`, `{{fresh}}` for an unused name, `{{own-id}}`. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** One character per byte. */
  readonly body?: string;
}

/** Where requests go, and how long the server may take. */
export interface Target {
  readonly port: number;
  readonly deadlineMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly ms: number;
  /** Whether the request line and headers were more than Node reads; undefined if that is hard to tell. */
  readonly isHeadTooLarge: boolean | undefined;
}

/** Braces may be encoded. */
const PLACEHOLDER = /(?:\{\{|%7B%7B)([\w-]+)(?:\}\}|%7D%7D)/g;

/** What Node adds to the headers that we give it, and counts. */
const MAX_UNCOUNTED = 200;

/** Connections that stay open, as those of a proxy do. */
export const agent = new Agent({ keepAlive: true, maxSockets: 60 });

/** The headers and bytes of a request, with secrets in the place of placeholders. */
export function fill(
  request: HttpRequest,
  secrets: Secrets,
): Required<Pick<HttpRequest, 'path' | 'headers' | 'body'>> {
  const own = Object.entries(secrets.headers.get(request.as) ?? {}).filter(
    ([name]) => !request.headers.some(([given]) => given === name),
  );
  const fresh = `n${randomUUID().slice(0, 8)}`;
  const values = new Map([
    ...secrets.tokens,
    ['fresh', fresh],
    ['own-id', secrets.ids.get(request.as) ?? ''],
  ]);
  return {
    path: reveal(request.path, values),
    headers: [...own, ...request.headers],
    body: reveal(request.body ?? '', values),
  };
}

/** Puts values in the place of placeholders. */
export function reveal(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(PLACEHOLDER, (all, name: string) => values.get(name) ?? all);
}

/**
 * Sends a request over a kept connection. Throws if there is no answer, or none in time.
 *
 * @returns undefined if the server closed the connection because the head was too large. It then responds and closes while
 *   we may still be writing, so the response can get lost.
 */
export async function sendHttp(
  { port, deadlineMs }: Target,
  request: HttpRequest,
  secrets: Secrets,
): Promise<Answer | undefined> {
  const target = { port, deadlineMs };
  const { path, headers, body } = fill(request, secrets);
  try {
    return await sendOnce(target, { method: request.method, path, headers, body });
  } catch (error) {
    // A kept connection may be closed by the server at the moment the next request is sent, in HTTP by design.
    if (!(error instanceof ReusedConnectionClosed)) throw error;
    return sendOnce(target, { method: request.method, path, headers, body });
  }
}

class ReusedConnectionClosed extends Error {}

interface Sendable extends Required<Pick<HttpRequest, 'path' | 'headers' | 'body' | 'method'>> {}

async function sendOnce(
  { port, deadlineMs }: Target,
  { method, path, headers, body }: Sendable,
): Promise<Answer | undefined> {
  const startedAt = performance.now();
  const bytes = Buffer.from(body, 'latin1');
  const expectsBody = bytes.length > 0 || method === 'POST' || method === 'PUT';
  const sent = send({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path: path.replaceAll(/[^!-\xff]/g, (character) => encodeURIComponent(character)),
    headers: {
      ...Object.fromEntries(headers),
      ...(expectsBody && { 'content-length': bytes.length }),
    },
    signal: AbortSignal.timeout(deadlineMs),
  });
  const isHeadTooLarge = exceedsLimit(sent);
  sent.end(bytes);
  try {
    const [response]: IncomingMessage[] = await once(sent, 'response');
    if (response === undefined) throw new Error('no response');
    const received = await buffer(response);
    const { statusCode = 0 } = response;
    return {
      status: statusCode,
      headers: response.headers,
      body: received,
      ms: performance.now() - startedAt,
      isHeadTooLarge,
    };
  } catch (error) {
    if (isHeadTooLarge !== false && isReset(error)) return undefined;
    if (sent.reusedSocket && isReset(error)) throw new ReusedConnectionClosed('', { cause: error });
    throw error;
  }
}

/** Node counts the path, the names and values of headers, and a little more. It may find a wrong byte in the path first. */
function exceedsLimit(sent: ClientRequest): boolean | undefined {
  const size = [sent.path, ...Object.entries(sent.getHeaders()).flat().map(String)].join('').length;
  if (size < maxHeaderSize - MAX_UNCOUNTED) return false;
  return size < maxHeaderSize || /[^!-~]/.test(sent.path) ? undefined : true;
}

/** Whether the other side closed the connection. */
export function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
