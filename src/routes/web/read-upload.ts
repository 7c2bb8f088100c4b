import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { tooBig } from '../../domain/pictures/picture.ts';
import { currentUser } from '../../plugins/web/session.ts';

/** The parts of a form with a file, or why it could not be read. */
export interface Upload {
  readonly file?: Buffer;
  /** The values of each other field, as `request.readForm` expects them in the body. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly error?: string;
}

const INCOMPLETE = 'Your file did not arrive. Please try again.';

/**
 * Reads an uploaded file into memory, or returns what is wrong with it.
 *
 * @param maxBytes the route's limit, for the message
 * @param missing the message if there is no file
 * @throws Busy if too many are being read
 */
export function readUpload(
  request: FastifyRequest,
  maxBytes: number,
  missing = 'Choose a picture.',
): Promise<Upload> {
  const sender = { accountId: currentUser(request).id, address: request.ip };
  return request.server.uploads.read(sender, async () => {
    // The parser would wait forever for a connection that closed while the session was read.
    if (!request.isMultipart() || request.raw.destroyed) return { fields: {}, error: INCOMPLETE };
    try {
      const { file, fields } = await readParts(request.parts());
      return file?.length ? { file, fields } : { fields, error: missing };
    } catch (error) {
      const isTooBig = error instanceof request.server.multipartErrors.RequestFileTooLargeError;
      request.log.info({ err: error }, 'upload refused');
      return { fields: {}, error: isTooBig ? tooBig(maxBytes) : INCOMPLETE };
    }
  });
}

async function readParts(parts: AsyncIterable<MultipartFile | MultipartValue>) {
  const fields: Record<string, string[]> = Object.create(null);
  let file: Buffer | undefined;
  for await (const part of parts) {
    if (part.type === 'file') file = await part.toBuffer();
    else if (typeof part.value === 'string')
      fields[part.fieldname] = [...(fields[part.fieldname] ?? []), part.value];
  }
  return { file, fields };
}
