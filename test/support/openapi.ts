import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { LightMyRequestResponse } from 'fastify';

/** An operation's place in an OpenAPI document. */
export interface Place {
  readonly path: string;
  /** In lower case. */
  readonly method: string;
}

type Responses = Readonly<Record<string, { readonly content?: unknown }>>;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
}

/** Makes a function that fails if an OpenAPI document does not declare a response's status and schema. */
export function answerChecker(document: Document) {
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  ajv.addSchema(document, 'openapi.json');
  return (
    { path, method }: Place,
    { statusCode, body }: Pick<LightMyRequestResponse, 'statusCode' | 'body'>,
  ) => {
    const answer = `${method} ${path} answered ${statusCode} with ${body}`;
    const declared = document.paths[path]?.[method]?.responses[statusCode];
    if (declared === undefined) throw new Error(answer);
    if (declared.content === undefined) {
      if (body !== '') throw new Error(answer);
      return;
    }
    const pointer = `openapi.json#/paths/${path.replaceAll('/', '~1')}/${method}/responses/${statusCode}/content/application~1json/schema`;
    const validate = ajv.getSchema(pointer.replaceAll('{', '%7B').replaceAll('}', '%7D'));
    if (validate === undefined) throw new Error(`there is no schema at ${pointer}`);
    if (!validate(JSON.parse(body))) throw new Error(`${answer}: ${ajv.errorsText(validate.errors)}`);
  };
}
