/** The cause of a job. Stored beside its payload. */
export interface Origin {
  /** The request that caused the job, for the log. */
  readonly requestId?: string | undefined;
  /** The trace, in W3C Trace Context format. */
  readonly traceparent?: string | undefined;
  /** The batch that it belongs to. */
  readonly batchId?: string | undefined;
}

/** The fields that are stored beside a payload. */
export const ORIGIN_FIELDS: readonly (keyof Origin)[] = ['requestId', 'traceparent', 'batchId'];

/** Combines a payload and its origin for storage as JSON, which leaves out undefined fields. */
export function pack(payload: object, { requestId, traceparent, batchId }: Origin): object {
  return { ...payload, requestId, traceparent, batchId };
}

/** Separates a stored job's payload and origin. Anything but an object is returned as the payload, for the contract to refuse. */
export function unpack(data: unknown): { payload: unknown; origin: Origin } {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { payload: data, origin: {} };
  const { requestId, traceparent, batchId, ...payload }: Record<string, unknown> = { ...data };
  const origin = {
    requestId: textOf(requestId),
    traceparent: textOf(traceparent),
    batchId: textOf(batchId),
  };
  return { payload, origin };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
