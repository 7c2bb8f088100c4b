/** What ends the parts of the fault kit: a test, or a command that breaks a running site. */
export interface Scope {
  /** Registers what to do at the end. The last registered is done first. */
  teardown(end: () => unknown): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * A scope for a command, for `await using`. SIGINT and SIGTERM also end it, and then the process. A command should have only
 * one, because the first that has ended ends the process.
 */
export function openScope(): Scope & AsyncDisposable {
  const stack = new AsyncDisposableStack();
  let isStopping = false;
  const stop = async () => {
    if (isStopping) return; // npm passes on what Ctrl-C has already sent to all.
    isStopping = true;
    try {
      await stack.disposeAsync();
    } finally {
      process.exit(1);
    }
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  stack.defer(() => {
    for (const signal of SIGNALS) process.off(signal, stop);
  });
  return {
    teardown: (end) => stack.defer(async () => void (await end())),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
