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
import type { HttpRequest } from './requests.ts';

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
  /** The only statuses that are right if the request line and headers were more than Node reads. */
  readonly refusals: readonly number[] | undefined;
}

/** Braces may be encoded. */
const PLACEHOLDER = /(?:\{\{|%7B%7B)([\w-]+)(?:\}\}|%7D%7D)/g;

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
    // A kept connection may be closed by the server at the moment when the next request is sent, in HTTP by design.
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
  const refusals = refusalsOf(sent);
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
      refusals,
    };
  } catch (error) {
    if (refusals !== undefined && isReset(error)) return undefined;
    if (sent.reusedSocket && isReset(error)) throw new ReusedConnectionClosed('', { cause: error });
    throw error;
  }
}

/** Node's parser counts the path, and the names and values of headers, and may find a wrong byte first. */
function refusalsOf(sent: ClientRequest): number[] | undefined {
  const headers = { ...sent.getHeaders(), connection: 'keep-alive' };
  const size = [sent.path, ...Object.entries(headers).flat().map(String)].join('').length;
  if (size < maxHeaderSize) return undefined;
  return /[^!-~]/.test(sent.path) ? [431, 400] : [431];
}

/** Whether the other side closed the connection. */
export function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
