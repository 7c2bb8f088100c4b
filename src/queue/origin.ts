/** Where a job comes from. Stored beside its payload. */
export interface Origin {
  /** The request that caused the job, for the log. */
  readonly requestId?: string | undefined;
  /** The trace, in W3C Trace Context format. */
  readonly traceparent?: string | undefined;
}

/** Combines a payload and its origin for storage. */
export function pack(payload: object, { requestId, traceparent }: Origin): object {
  return {
    ...payload,
    ...(requestId !== undefined && { requestId }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** Separates a stored job's payload and origin. Returns anything but an object unchanged, for the contract to refuse. */
export function unpack(data: unknown): { payload: unknown; origin: Origin } {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { payload: data, origin: {} };
  const { requestId, traceparent, ...payload }: Record<string, unknown> = { ...data };
  return { payload, origin: { requestId: textOf(requestId), traceparent: textOf(traceparent) } };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
