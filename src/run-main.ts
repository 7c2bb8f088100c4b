import { ConfigError, DomainError, StartupError } from './errors.ts';

/**
 * Runs a command. Reports errors that an operator can fix in plain lines, with exit code 2, or 1 if a server is
 * unreachable. Only unexpected errors show a stack trace.
 */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}

/** Prints to stderr why a command failed. Returns the exit code. */
function reportFailure(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.lines.join('\n')}\n`);
    return 2;
  }
  if (error instanceof StartupError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof DomainError) {
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  if (isWrongOption(error)) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** `parseArgs` throws these for unknown options. */
function isWrongOption(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
