/** What ends the parts of the fault kit: a test, or a command that breaks a running site. */
export interface Scope {
  /** Registers what to do at the end. The last registered is done first. */
  teardown(end: () => unknown): void;
}

/** A scope outside of tests, for `await using`. */
export function openScope(): Scope & AsyncDisposable {
  const stack = new AsyncDisposableStack();
  return {
    teardown: (end) => stack.defer(async () => void (await end())),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
