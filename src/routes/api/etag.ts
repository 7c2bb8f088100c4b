import { hash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';

export const WithIfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      description:
        'The ETag of the text you started from. The request fails with 412 if the text has changed.',
    }),
  ),
});

/**
 * Sets the ETag of a response with one text: the text's version, which `If-Match` compares, and a hash of the whole response.
 * A strong tag identifies exact bytes, so these responses must not be compressed.
 *
 * @returns the answer
 */
export function tagged<Answer extends object>(reply: FastifyReply, version: number, answer: Answer): Answer {
  reply.header('etag', `"${version}.${hash('sha1', JSON.stringify(answer), 'base64url')}"`);
  return answer;
}

/**
 * The versions of a text that an If-Match allows, or undefined for any. The hashes in its tags do not matter to an edit,
 * because only edits change the version.
 */
export function versionsIn(ifMatch = '*'): number[] | undefined {
  if (ifMatch.trim() === '*') return undefined;
  return [...ifMatch.matchAll(/"(\d{1,9})\.[\w.-]+"/g)].map(([, version]) => Number(version));
}
