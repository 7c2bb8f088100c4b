/** What travels with a payload, beside it: where the job comes from. */
export interface Origin {
  /** The request that caused the job, to find it in the log. */
  readonly requestId?: string | undefined;
  /** The trace it belongs to, as in W3C Trace Context. */
  readonly traceparent?: string | undefined;
}

/** Puts a payload and its origin into what the queue stores. */
export function pack(payload: object, { requestId, traceparent }: Origin): object {
  return {
    ...payload,
    ...(requestId !== undefined && { requestId }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** Takes apart what the queue stored. Anything that is no object comes back as it is, for the contract to refuse. */
export function unpack(data: unknown): { payload: unknown; origin: Origin } {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { payload: data, origin: {} };
  const { requestId, traceparent, ...payload }: Record<string, unknown> = { ...data };
  return { payload, origin: { requestId: textOf(requestId), traceparent: textOf(traceparent) } };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
