import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import accepts from 'accepts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';

/** What browsers can unpack, the smallest first. */
const ENCODINGS = ['br', 'gzip'] as const;

type Encoding = (typeof ENCODINGS)[number];

const NOTHING = Buffer.alloc(0);

/** How hard to pack: what is packed once and sent for days, what is soon packed anew, or what is packed already. */
type Effort = 'most' | 'little' | 'none';

/** Below this size in bytes, packing saves no packet. */
const WORTH_PACKING = 1024;

const pack: Record<Encoding, (bytes: Buffer, effort: Effort) => Promise<Buffer>> = {
  br: (bytes, effort) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_QUALITY]: effort === 'most' ? constants.BROTLI_MAX_QUALITY : 4,
      },
    }),
  gzip: (bytes, effort) => promisify(gzip)(bytes, { level: effort === 'most' ? 9 : 6 }),
};

/** A text or a file in the forms it is sent in: as it is, and packed, when that is first asked for. */
export class Representation {
  /** Weak: it names the content, whatever it is packed in (RFC 9110, section 8.8.1). */
  readonly etag: string;
  /** What else is said of the content, whatever it is packed in. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #body: Buffer;
  readonly #effort: Effort;
  readonly #packed = new Map<Encoding, Promise<Buffer>>();

  constructor(body: string | Buffer, effort: Effort, headers: Readonly<Record<string, string>> = {}) {
    this.headers = headers;
    this.#body = typeof body === 'string' ? Buffer.from(body) : body;
    this.#effort = effort;
    this.etag = `W/"${hash('sha1', this.#body, 'base64url')}"`;
  }

  /** In bytes, unpacked. */
  get size(): number {
    return this.#body.length;
  }

  /**
   * Chooses the form for a client and sets the headers that tell of it. A client that has the same already is sent
   * nothing, with the status 304.
   */
  choose(request: FastifyRequest, reply: FastifyReply): Buffer | Promise<Buffer> {
    reply.header('etag', this.etag);
    if (isKnown(request, reply)) {
      reply.code(304).removeHeader('content-type').removeHeader('content-length');
      return NOTHING;
    }
    const isWorthIt = this.#effort !== 'none' && this.size >= WORTH_PACKING;
    const encoding = isWorthIt ? encodingFor(request) : undefined;
    if (encoding === undefined) return this.#body;
    reply.header('content-encoding', encoding);
    const packed = this.#packed.get(encoding) ?? pack[encoding](this.#body, this.#effort);
    this.#packed.set(encoding, packed);
    return packed;
  }
}

function isKnown({ headers }: FastifyRequest, reply: FastifyReply): boolean {
  const isConditional = headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
  return isConditional && fresh(headers, reply.getHeaders());
}

function encodingFor({ raw }: FastifyRequest): Encoding | undefined {
  if (raw.headers['accept-encoding'] === undefined) return undefined;
  const accepted = accepts(raw).encodings();
  return ENCODINGS.find((encoding) => accepted.includes(encoding));
}
